/** One call in a script: its name, arguments, and the calls in its block. */
class Call {
    String name
    Map entry
    int line
    List args = []
    Map named = [:]
    Closure body
    Block within
    List<Call> calls = []

    /** The calls of a name in the block. */
    List<Call> all(String wanted) {
        calls.findAll { it.name == wanted }
    }

    /** The call of a name in the block, or null. */
    Call one(String wanted) {
        calls.find { it.name == wanted }
    }

    /** The first argument of a call in the block, or a default. */
    Object value(String wanted, Object otherwise = null) {
        Call call = one(wanted)
        call ? (call.args ? call.args[0] : true) : otherwise
    }

    /** How messages name it: "steps of stage 'Test'". */
    String getTitle() {
        String own = args && args[0] instanceof CharSequence ? "${name} '${args[0]}'" : name
        Call outer = within.owner()
        outer && own == name ? "${own} of ${outer.title.split(' of ').last()}" : own
    }

    /** The arguments by name; those without one are `args`, but for a command, which is the script in either case. */
    Map arguments() {
        (args ? (name == 'sh' ? [script: args[0]] : [args: args]) : [:]) + named
    }
}
