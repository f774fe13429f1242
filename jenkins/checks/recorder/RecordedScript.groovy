/** What a recorded script extends: whatever it does not define itself, its block is asked for. The compiler adds run(). */
abstract class RecordedScript extends Script { // groovylint-disable-line AbstractClassWithoutAbstractMethod
    private Block block

    /** Which block is asked; a plain property would be a variable of the script. */
    void asks(Block whole) {
        block = whole
    }

    Object methodMissing(String name, Object arguments) {
        block.invokeMethod(name, arguments)
    }

    Object propertyMissing(String name) {
        block.getProperty(name)
    }
}
