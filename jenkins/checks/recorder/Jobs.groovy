/** What Job DSL scripts make: jobs with their triggers, parameters and the place of their pipeline. */
class Jobs {
    private final File root
    private final Vocabulary vocabulary
    private final Map<String, String> bindings
    private final Map<String, String> made = [:]

    Jobs(File root, Vocabulary vocabulary, Map<String, String> bindings) {
        this.root = root
        this.vocabulary = vocabulary
        this.bindings = bindings
    }

    /** Read a script; raises a Fault at what Job DSL or Jenkins would refuse. */
    List<Map> read(String path) {
        Reading reading = new Reading(path, root, vocabulary, bindings)
        String script = new File(path).name - ~/\.groovy$/
        if (!(script ==~ /[A-Za-z_]\w*/)) { // Job DSL makes a class of that name
            throw reading.fault("'${script}' is no name for a script: letters, digits and underscores", 1)
        }
        List<Call> calls = reading.execute("a jobs' file")
        List<Call> queued = calls.findAll { it.name == 'queue' }
        List<Map> jobs = calls.findAll { it.body }.collect { job(reading, it) }
        Call unknown = queued.find { !(it.args[0] in jobs*.name) }
        if (unknown) {
            throw reading.fault("there is no job '${unknown.args[0]}' to queue", unknown.line)
        }
        jobs.collect { Map job -> job + [queued: queued.any { it.args[0] == job.name }, uses: reading.uses] }
    }

    private Map job(Reading reading, Call call) {
        String name = call.args[0]
        if (made.containsKey(name)) {
            throw reading.fault("job '${name}' is made in ${made[name]} already", call.line)
        }
        made[name] = reading.path
        reading.uses.plugin << 'job-dsl'
        Node tree = tree(reading, call)
        Call git = call.one('definition')?.one('cpsScm')?.one('scm')?.one('git') ?: call.one('branchSources')?.one('git')
        [
            kind: call.name, name: name, file: reading.path, description: call.value('description', ''),
            disabled: call.value('disabled', false) as boolean, label: call.value('label'),
            retention: numbers(call.one('logRotator') ?: call.one('orphanedItemStrategy')?.one('discardOldItems')),
            triggers: triggers(call.name, tree), parameters: parameters(call), scm: git ? scm(git) : null,
            scriptPath: Elements.content(below(tree, 'definition', 'scriptPath') ?: below(tree, 'factory', 'scriptPath')),
            steps: call.one('steps')?.calls.collect { step(it) } ?: [],
        ]
    }

    /** The part of the job's XML that configure blocks are about, after these. */
    private static Node tree(Reading reading, Call call) {
        Elements elements = new Elements(reading)
        Node root = new Node(null, call.name)
        call.calls.each { Call part ->
            String script = part.name == 'definition' ? part.one('cpsScm').value('scriptPath') : null
            if (script) {
                root.appendNode('definition').appendNode('scriptPath', script)
            } else if (part.name == 'configure') {
                elements.configure(part, root)
            }
        }
        elements.check(root, "<${call.name}>", call.title, call.line)
        root
    }

    private static Node below(Node node, String... names) {
        names.inject(node) { Node at, String name -> at?.children().find { it instanceof Node && it.name() == name } }
    }

    private static List<Map> triggers(String kind, Node tree) {
        String property = 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty'
        Node found = kind == 'pipelineJob' ? below(tree, 'properties', property, 'triggers') : below(tree, 'triggers')
        found?.children().collect { Node trigger ->
            [trigger: trigger.name()] + trigger.children().collectEntries { [(it.name()): Elements.content(it)] }
        } ?: []
    }

    private static List<Map> parameters(Call call) {
        call.one('parameters')?.calls.collect { Call one ->
            Map choices = one.name == 'choiceParam' ? [choices: one.args[1]] : [:]
            Object otherwise = choices ? one.args[1].first() : one.args[1]
            [kind: one.name, name: one.args[0], default: otherwise, description: one.args[2] ?: ''] + choices
        } ?: []
    }

    private static Map scm(Call git) {
        if (git.one('id')) { // a source of branches
            return git.calls.collectEntries { [(it.name == 'remote' ? 'url' : it.name): it.args[0]] }
        }
        Call remote = git.one('remote')
        [url: remote.value('url'), branch: git.value('branch'), credentials: remote.value('credentials')]
    }

    private static Map numbers(Call call) {
        (call?.calls ?: []).collectEntries { [(it.name): it.args[0]] }
    }

    private static Map step(Call call) {
        Map dsl = call.calls.collectEntries { [(it.name): it.args.size() == 1 ? it.args[0] : it.args] }
        [step: call.name] + (call.args ? [command: call.args[0]] : [:]) + dsl
    }
}
