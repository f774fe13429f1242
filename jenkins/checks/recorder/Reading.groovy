import org.codehaus.groovy.control.MultipleCompilationErrorsException

/** One script, executed against the vocabulary: every call of it is checked and recorded, and nothing is done. */
class Reading {
    /** Blocks that are not executed at once, but by who knows what they are about. */
    private static final List<String> LATER = ['expression', 'configure']

    final String path
    final File root
    final Vocabulary vocabulary
    final Map<String, Object> variables
    /** Ids that the script relies on, by kind (lock, credential, label), and the plugins that bring its names. */
    final Map<String, Set<String>> uses = ['plugin', 'lock', 'credential', 'label'].collectEntries { [(it): [] as TreeSet] }
    final Sources sources = new Sources()
    private final Arguments arguments = new Arguments(this)
    private Call whole

    Reading(String path, File root, Vocabulary vocabulary, Map<String, Object> variables) {
        this.path = path
        this.root = root
        this.vocabulary = vocabulary
        this.variables = variables
    }

    /** Execute the script as a file of a kind; gives its calls. */
    List<Call> execute(String place) {
        Call file = new Call(name: place, entry: [:])
        String text = new File(path).getText('UTF-8')
        try {
            RecordedScript script = sources.parse(text)
            file.within = new Block(this, place, null)
            whole = file
            script.asks(file.within)
            script.run()
        } catch (Fault fault) {
            throw fault
        } catch (MultipleCompilationErrorsException errors) {
            def cause = errors.errorCollector.getError(0).cause
            String said = cause.originalMessage.trim()
            boolean isEnd = said == 'unexpected token:' || said.endsWith("found ''")
            throw new Fault(path, cause.line, isEnd ? 'the file ends too early: a brace or a quote is not closed' : said)
        // A script may throw whatever it likes.
        } catch (Exception | StackOverflowError error) { // groovylint-disable-line CatchException
            throw fault(error.message?.readLines()?.first() ?: error.class.simpleName, sources.line(error))
        }
        checkLeftovers(file)
        file.calls
    }

    /** A call in a block: `name` has the line that the compiler noted behind it. */
    Call record(Block block, String name, List given) {
        def (String word, int line) = sources.decode(name)
        Map entry = vocabulary.find(block.place(), word)
        if (!entry) {
            throw fault(vocabulary.refusal(block.place(), word, block.title(), whole.name), line)
        }
        Call call = new Call(name: word, entry: entry, line: line, within: block)
        Call outer = block.owner() ?: whole
        if (entry.once && outer.one(word)) {
            throw fault("'${word}' stands twice in ${block.title()}", line)
        }
        arguments.take(call, given)
        uses.plugin << entry.plugin
        outer.calls << call
        if (call.body && !(entry.opens in LATER)) {
            run(call.body, new Block(this, entry.opens, call))
            checkLeftovers(call)
            checkNeeds(call)
        }
        call
    }

    /** A name that is no call: a word, or a variable that Jenkins gives. */
    Object lookUp(Block block, String name) {
        if (variables.containsKey(name)) {
            return variables[name]
        }
        if (vocabulary.isWord(block.place(), name)) {
            return name
        }
        if (block.place() == 'configure') { // Job DSL takes a bare word for an element's name
            return name
        }
        throw fault("unknown name '${name}' in ${block.title()}; given: ${variables.keySet().sort().join(', ') ?: 'none'}")
    }

    /** A variable that an environment block sets, to a text or to a credential. */
    void assign(Block block, String name, Object value) {
        if (block.place() != 'environment') {
            throw fault("'${name} = …' is not possible in ${block.title()}")
        }
        List<Call> calls = block.owner().calls
        calls.removeAll { it.is(value) }
        if (calls.any { it.name == name } || !(value instanceof Call || value instanceof CharSequence)) {
            throw fault("environment: ${name} is set twice, or to what is no string: ${value}")
        }
        calls << new Call(name: name, entry: [:], within: block, args: [value])
    }

    /** Execute a block; what it uses is looked for in the delegate, and nowhere else. */
    Object run(Closure body, Object delegate, Object... given) {
        Closure copy = body.rehydrate(delegate, body.owner, body.thisObject)
        copy.resolveStrategy = Closure.DELEGATE_ONLY
        copy.call(*given)
    }

    /** Note what a value refers to. */
    void use(String kind, Object id) {
        if (id) {
            uses[kind] << id.toString()
        }
    }

    /** An error at a line, or where the script is just now. */
    Fault fault(String what, int line = sources.line(new Throwable())) {
        new Fault(path, line, what)
    }

    private void checkLeftovers(Call call) {
        Call alone = call.calls.find { it.entry.belongs }
        if (alone) {
            throw fault("'${alone.name}' does nothing here: it belongs into ${alone.entry.belongs}", alone.line)
        }
    }

    private void checkNeeds(Call call) {
        String missing = call.entry.needs.find { !call.one(it) }
        if (missing) {
            throw fault("'${missing}' is missing in ${call.title}", call.line)
        }
        List<String> choice = call.entry.oneOf
        if (choice && choice.count { call.one(it) } != 1) {
            throw fault("${call.title} needs one of ${choice.join(', ')}", call.line)
        }
        if (call.entry.filled && !call.calls) {
            throw fault("${call.title} is empty", call.line)
        }
    }
}
