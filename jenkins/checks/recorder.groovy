// A program for the command line speaks on stderr, and ends with a status.
/* groovylint-disable SystemErrPrint, SystemExit */
import groovy.json.JsonOutput

/*
 * Executes what Jenkins would execute, by Jenkins' own version of Groovy, against a list of names, and prints what it says.
 *     recorder pipeline [--param NAME=VALUE]… FILE…   declarative pipelines
 *     recorder jobs [--set NAME=VALUE]… FILE…         Job DSL scripts, which are told these names
 * --root DIR is the repository that paths in scripts are about; --tree prints tables for people instead of JSON.
 * What is wrong is a line on stderr for each file, and the exit status is 1.
 */
Map<String, Map<String, String>> named = ['--param': [:], '--set': [:], '--root': ['': '.']]
boolean isTree = false
List<String> files = []
String usage = 'usage: recorder pipeline|jobs [--tree] [--root DIR] [--param NAME=VALUE]… [--set NAME=VALUE]… FILE…'
String mode = args ? args[0] : ''
List<String> rest = args.drop(1)
while (rest) {
    String word = rest.remove(0)
    if (named.containsKey(word) && rest) {
        List<String> pair = word == '--root' ? ['', rest.remove(0)] : rest.remove(0).split('=', 2).toList()
        named[word][pair[0]] = pair.size() == 2 ? pair[1] : ''
    } else if (word == '--tree') {
        isTree = true
    } else {
        files << word
    }
}
if (!(mode in ['pipeline', 'jobs']) || !files || files.any { it.startsWith('-') }) {
    System.err.println(usage)
    System.exit(2)
}

File root = new File(named['--root'][''])
Vocabulary vocabulary = new Vocabulary(new File(System.getProperty('vocabulary')))
def reader = mode == 'jobs' ? new Jobs(root, vocabulary, named['--set']) : new Pipelines(root, vocabulary, named['--param'])
List<Map> found = []
int wrong = 0
files.each { String path ->
    try {
        def read = reader.read(path)
        found.addAll(read instanceof List ? read : [read])
    } catch (Fault | IOException fault) {
        wrong++
        System.err.println(fault instanceof Fault ? fault.message : "${path}: cannot be read: ${fault.message}")
    }
}
println(isTree ? new Table(found).text() : JsonOutput.prettyPrint(JsonOutput.toJson(found)))
System.exit(wrong ? 1 : 0)
