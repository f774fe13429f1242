/** Whether a call's arguments are such that the vocabulary has for its name. */
class Arguments {
    private final Reading reading

    Arguments(Reading reading) {
        this.reading = reading
    }

    /** Give a call its arguments, in the order Groovy has them: the named ones as a map, the others, a block. */
    void take(Call call, List given) {
        List rest = new ArrayList(given)
        if (rest && rest.last() instanceof Closure) {
            call.body = rest.pop()
        }
        if (rest && rest.first() instanceof Map) {
            call.named = rest.remove(0)
        }
        call.args = rest
        checkNamed(call)
        checkOthers(call)
        checkBody(call)
    }

    private void checkNamed(Call call) {
        Map known = call.entry.named ?: [:]
        call.named.each { name, value ->
            if (!known.containsKey(name)) {
                String list = known.keySet().sort().join(', ') ?: 'none'
                throw reading.fault("unknown argument '${name}' of ${call.name}; known: ${list}", call.line)
            }
            check(call, name, known[name], value)
        }
        String missing = call.entry.required.find { !call.named.containsKey(it) }
        if (missing) {
            throw reading.fault("${call.name} needs the argument '${missing}'", call.line)
        }
    }

    private void checkOthers(Call call) {
        List types = call.entry.args ?: []
        int least = call.entry.least == null ? types.size() : call.entry.least
        boolean isAlone = call.entry.named && call.args && call.named
        if (call.args.size() < least || (call.args.size() > types.size() && !call.entry.more) || isAlone) {
            String count = least == types.size() ? "${least}" : "${least} to ${types.size()}"
            throw reading.fault("${call.name} takes other arguments: ${count} without a name", call.line)
        }
        String alone = call.entry.oneArgument
        if (alone && !call.args && !call.named.containsKey(alone)) {
            throw reading.fault("${call.name} needs the argument '${alone}'", call.line)
        }
        call.args.eachWithIndex { value, index ->
            check(call, "argument ${index + 1}", types[Math.min(index, types.size() - 1)], value)
        }
    }

    private void checkBody(Call call) {
        if (call.body && !call.entry.opens) {
            throw reading.fault("${call.name} takes no block", call.line)
        }
        if (!call.body && call.entry.opens && !(call.entry.bare && call.args)) {
            throw reading.fault("${call.name} needs a block", call.line)
        }
    }

    /** Raises a Fault if a value is not of its type. */
    void check(Call call, String name, Object type, Object value) {
        String wrong = wrong(type, value)
        if (wrong) {
            throw reading.fault("${call.name}: ${name} ${wrong}", call.line)
        }
        if (type == 'bindings') { // they are arguments, and no steps of their own
            (call.within.owner()).calls.removeAll { one -> value.any { it.is(one) } }
        }
        if (type in ['lock', 'credential', 'label']) {
            reading.use(type, value)
        }
    }

    private String wrong(Object type, Object value) {
        if (type instanceof List) {
            return value in type ? null : "is ${value}, not one of ${type.join(', ')}"
        }
        switch (type) {
            case 'int':
                return value instanceof Integer ? null : "is no whole number: ${value}"
            case 'boolean':
                return value instanceof Boolean || value in ['true', 'false'] ? null : "is neither true nor false: ${value}"
            case 'strings':
                return value instanceof List && value.every { it instanceof CharSequence } ? null : 'is no list of strings'
            case 'bindings':
                boolean areBindings = value instanceof List && value && value.every { it instanceof Call && it.entry.belongs }
                return areBindings ? null : 'is no list of bindings, such as [file(credentialsId: …, variable: …)]'
        }
        if (!(value instanceof CharSequence)) {
            return "is no string: ${value}"
        }
        type == 'cron' ? wrongCron(value.toString()) : (type == 'path' ? wrongPath(value.toString()) : null)
    }

    private static String wrongCron(String spec) {
        String wrong = Crontab.wrong(spec)
        wrong ? "is wrong: ${wrong}" : null
    }

    private String wrongPath(String path) {
        new File(reading.root, path).isFile() ? null : "names no file of the repository: ${path}"
    }
}
