/** What declarative pipelines say: parameters, options, stages with their commands, and what follows them. */
class Pipelines {
    /** The order in which Jenkins looks at the conditions after a stage or a pipeline. */
    static final List<String> CONDITIONS =
        ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'cleanup']

    private final File root
    private final Vocabulary vocabulary
    private final Map<String, String> given

    Pipelines(File root, Vocabulary vocabulary, Map<String, String> given) {
        this.root = root
        this.vocabulary = vocabulary
        this.given = given
    }

    /** Read a Jenkinsfile; raises a Fault at what Jenkins would refuse. */
    Map read(String path) {
        Parameters parameters = new Parameters(given)
        Reading reading = new Reading(path, root, vocabulary, [params: parameters, env: new Environment()])
        parameters.reading = reading
        Call pipeline = reading.execute("a pipeline's file").find()
        if (!pipeline) {
            throw reading.fault("there is no pipeline { … }", 1)
        }
        List<Map> declared = pipeline.one('parameters')?.calls.collect { parameter(it) } ?: []
        parameters.declare(declared)
        Map result = [
            pipeline: path, agent: agent(pipeline), environment: environment(pipeline),
            parameters: declared, options: options(pipeline),
            triggers: pipeline.one('triggers')?.calls.collect { [trigger: it.name, spec: it.args[0]] } ?: [],
            stages: stages(reading, pipeline, bound(pipeline)), post: post(pipeline, bound(pipeline)),
        ]
        result + [uses: reading.uses]
    }

    private static Map agent(Call within) {
        Call agent = within.one('agent')
        agent ? (agent.args ? [(agent.args[0]): true] : [label: agent.value('label')]) : null
    }

    private static Map environment(Call within) {
        (within.one('environment')?.calls ?: []).collectEntries { Call variable ->
            Object value = variable.args[0]
            [(variable.name): value instanceof Call ? [credential: value.args[0]] : value]
        }
    }

    /** The credentials that a block's environment binds. */
    private static List<Map> bound(Call within) {
        environment(within).findAll { name, value -> value instanceof Map }.collect { name, value ->
            [kind: 'credentials', id: value.credential, variables: [name]]
        }
    }

    private static Map parameter(Call call) {
        Map named = call.named
        Object otherwise = call.name == 'booleanParam' ? false : (named.choices ? named.choices.first() : '')
        Map choices = named.choices ? [choices: named.choices] : [:]
        Object first = named.get('defaultValue', otherwise)
        [kind: call.name, name: named.name, default: first, description: named.description ?: ''] + choices
    }

    private static List<Map> options(Call within) {
        within.one('options')?.calls.collect { call ->
            [option: call.name] + (call.args ? [value: call.args[0]] : [:]) + call.named
        } ?: []
    }

    private List<Map> stages(Reading reading, Call within, List<Map> outer) {
        List<Call> inOrder = within.one('stages')?.calls ?: []
        inOrder.groupBy { it.args[0] }.each { name, same ->
            if (same.size() > 1) {
                throw reading.fault("there are two stages '${name}'", same[1].line)
            }
        }
        inOrder.collect { Call stage ->
            List<Map> bound = outer + bound(stage)
            Map found = [
                name: stage.args[0], agent: agent(stage), when: when(reading, stage), options: options(stage),
                environment: environment(stage), steps: steps(stage.one('steps'), bound),
                stages: stages(reading, stage, bound), post: post(stage, bound),
            ]
            found.findAll { key, value -> value }
        }
    }

    private static List<Map> when(Reading reading, Call stage) {
        stage.one('when')?.calls.collect { Call call ->
            if (call.name != 'expression') {
                return [condition: call.name, value: call.args[0]]
            }
            Object holds = reading.run(call.body, new Block(reading, 'expression', call))
            [condition: 'expression', value: reading.sources.text(call.line), holds: holds as boolean]
        }
    }

    private static Map post(Call within, List<Map> bound) {
        List<Call> conditions = within.one('post')?.calls ?: []
        conditions.sort(false) { CONDITIONS.indexOf(it.name) }.collectEntries { [(it.name): steps(it, bound)] }
    }

    private static List<Map> steps(Call block, List<Map> bound) {
        block?.calls.collect { Call call ->
            List<Map> bindings = call.name == 'withCredentials' ? call.args[0].collect { binding(it) } : []
            Map arguments = bindings ? [credentials: bindings] : call.arguments()
            Map inner = call.body ? [steps: steps(call, bound + bindings)] : [:]
            Map credentials = call.name == 'sh' && bound ? [credentials: bound] : [:]
            [step: call.name] + arguments + credentials + inner
        }
    }

    private static Map binding(Call call) {
        List<String> names = call.entry.named.findAll { name, type -> type == 'variable' }.keySet().toList()
        [kind: call.name, id: call.named.credentialsId, variables: names.collect { call.named[it] }]
    }
}
