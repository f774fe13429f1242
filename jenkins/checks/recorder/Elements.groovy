/** A job's XML, as a configure block sees it: `/` finds or makes a child, `<<` appends, a call makes an element. */
class Elements {
    private final Reading reading
    private final Map<Node, Integer> lines = new IdentityHashMap<>()

    Elements(Reading reading) {
        this.reading = reading
    }

    /** Execute a configure block upon a job's tree. */
    void configure(Call call, Node root) {
        use(Operators) {
            reading.run(call.body, new Maker(this, null), root)
        }
        root.depthFirst().findAll { it instanceof Node && !lines.containsKey(it) }.each { lines[it] = call.line }
    }

    /** Raises a Fault at an element that is not known where it stands, or whose text is wrong. */
    void check(Node node, String place, String title, int line) {
        node.children().findAll { it instanceof Node }.each { Node child ->
            int at = lines[child] ?: line
            Map entry = reading.vocabulary.find(place, child.name())
            if (!entry) {
                throw reading.fault(reading.vocabulary.refusal(place, child.name(), title, place), at)
            }
            reading.uses.plugin << entry.plugin
            Call call = new Call(name: child.name(), entry: entry, line: at)
            if (entry.args) {
                reading.arguments.check(call, 'text', entry.args[0], content(child))
            } else {
                check(child, entry.opens, "element ${child.name()}", at)
            }
            String missing = entry.needs.find { !child.get(it) }
            if (missing) {
                throw reading.fault("'${missing}' is missing in element ${child.name()}", at)
            }
        }
    }

    /** What stands in an element: its text as it was given, or null. */
    static Object content(Node node) {
        Object value = node?.value()
        value instanceof List ? (value ? value[0] : null) : value
    }

    /** Make an element from a call: attributes, text, a block with more of them. */
    Node make(String encoded, List given) {
        def (String name, int line) = reading.sources.decode(encoded)
        Map attributes = given && given[0] instanceof Map ? given[0] : [:]
        Node node = new Node(null, name, attributes)
        lines[node] = line
        given.findAll { !it.is(attributes) }.each { part ->
            if (part instanceof Closure) {
                reading.run(part, new Maker(this, node))
            } else {
                node.value = part
            }
        }
        node
    }

    /** A bare word within a configure block. */
    Object word(String name) {
        reading.variables.containsKey(name) ? reading.variables[name] : name
    }
}

/** Who is asked for the names in a configure block, or in an element's block. */
class Maker extends GroovyObjectSupport {
    private final Elements elements
    private final Node parent

    Maker(Elements elements, Node parent) {
        this.elements = elements
        this.parent = parent
    }

    @Override
    Object invokeMethod(String name, Object arguments) {
        Node made = elements.make(name, arguments as List)
        parent?.append(made)
        made
    }

    @Override
    Object getProperty(String name) {
        elements.word(name)
    }
}

/** What a tree's nodes understand within a configure block. */
class Operators {
    static Node div(Node node, String name) {
        node.children().find { it instanceof Node && it.name() == name } ?: node.appendNode(name)
    }

    static Node div(Node node, Node like) {
        Node found = node.children().find {
            it instanceof Node && it.name() == like.name() && it.attributes().entrySet().containsAll(like.attributes().entrySet())
        }
        if (!found) {
            node.append(like)
            return like
        }
        found.value = like.value()
        found
    }

    static Node leftShift(Node node, Node child) {
        node.append(child)
        node
    }

    static Node leftShift(Node node, Object text) {
        node.value = text.toString()
        node
    }
}
