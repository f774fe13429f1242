/** What stands between two braces: it is asked for every name that a script uses there. */
class Block extends GroovyObjectSupport {
    private final Reading reading
    private final String kind
    private final Call call

    Block(Reading reading, String kind, Call call) {
        this.reading = reading
        this.kind = kind
        this.call = call
    }

    /** Its kind, as the vocabulary names it. */
    String place() {
        kind
    }

    /** The call that it belongs to; null for a whole file. */
    Call owner() {
        call
    }

    /** How messages name it. */
    String title() {
        call ? call.title : kind
    }

    @Override
    Object invokeMethod(String name, Object arguments) {
        reading.record(this, name, arguments as List)
    }

    @Override
    Object getProperty(String name) {
        reading.lookUp(this, name)
    }

    @Override
    void setProperty(String name, Object value) {
        reading.assign(this, name, value)
    }
}
