/** A build's parameters: what is given, as its job would, and else what the pipeline declares as the default. */
class Parameters extends GroovyObjectSupport {
    private final Map<String, Object> values
    private Reading script

    Parameters(Map<String, String> given) {
        values = new TreeMap<>(given.collectEntries { String name, String value ->
            [name, value in ['true', 'false'] ? value == 'true' : value]
        })
    }

    /** The script that asks for them, which an error names. */
    void setReading(Reading reading) {
        script = reading
    }

    void declare(List<Map> parameters) {
        Map<String, Object> known = values // within a closure the name would be looked up as a parameter
        parameters.each { Map one ->
            Object given = known[one.name]
            known[one.name] = given == null ? one.default : given
        }
    }

    @Override
    Object getProperty(String name) {
        if (!values.containsKey(name)) {
            throw script.fault("unknown parameter '${name}'; declared or given: ${values.keySet().join(', ') ?: 'none'}")
        }
        values[name]
    }
}
