import groovy.json.JsonOutput

/** What the recorder is told on its command line, and what it prints. */
class CommandLine {
    private static final String USAGE =
        'usage: recorder pipeline|jobs [--tree] [--root DIR] [--param NAME=VALUE]… [--set NAME=VALUE]… FILE…'

    private final Map<String, Map<String, String>> named = ['--param': [:], '--set': [:], '--root': ['': '.']]
    private final List<String> files = []
    private boolean isTree = false

    /** Record what the arguments say; gives the exit status. */
    static int run(File vocabulary, String[] args) {
        CommandLine line = new CommandLine()
        line.read(args.drop(1).toList())
        boolean isUsable = args && args[0] in ['pipeline', 'jobs'] && line.files && !line.files.any { it.startsWith('-') }
        if (!isUsable) {
            say(USAGE)
            return 2
        }
        line.record(args[0], new Vocabulary(vocabulary))
    }

    /** Take in options and files. */
    void read(List<String> words) {
        while (words) {
            String word = words.remove(0)
            if (named.containsKey(word) && words) {
                List<String> pair = word == '--root' ? ['', words.remove(0)] : words.remove(0).split('=', 2).toList()
                named[word][pair[0]] = pair.size() == 2 ? pair[1] : ''
            } else if (word == '--tree') {
                isTree = true
            } else {
                files << word
            }
        }
    }

    /** Record the files; gives the exit status. */
    int record(String mode, Vocabulary vocabulary) {
        File root = new File(named['--root'][''])
        boolean areJobs = mode == 'jobs'
        def reader = areJobs ? new Jobs(root, vocabulary, named['--set']) : new Pipelines(root, vocabulary, named['--param'])
        List<Map> found = []
        int status = 0
        files.each { String path ->
            try {
                def read = reader.read(path)
                found.addAll(read instanceof List ? read : [read])
            } catch (Fault | IOException fault) {
                status = 1
                say(fault instanceof Fault ? fault.message : "${path}: cannot be read: ${fault.message}")
            }
        }
        print(System.out, isTree ? new Table(found).text() : JsonOutput.prettyPrint(JsonOutput.toJson(found)))
        status
    }

    private static void say(String line) {
        print(System.err, line)
    }

    /** Whatever the locale: Ansible's is C. */
    private static void print(OutputStream stream, String text) {
        new PrintStream(stream, true, 'UTF-8').println(text)
    }
}
