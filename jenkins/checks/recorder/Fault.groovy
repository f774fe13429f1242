/** Something that Jenkins would refuse in a script, or only refuse at night; the message begins with the place. */
class Fault extends RuntimeException {
    Fault(String file, int line, String what) {
        super("${file}:${line}: ${what}")
    }
}
