// Stand-in for jenkins-plugin-manager.jar: takes its options, and writes a file for each plugin of the list.
class PluginManager {
    static void main(String[] arguments) {
        def known = ['--war', '--plugin-file', '--plugin-download-directory', '--latest', '--jenkins-update-center', '--jenkins-plugin-info']
        def options = [:]
        for (int at = 0; at < arguments.length; at++) {
            if (arguments[at] == '--verbose') {
                continue
            }
            if (!(arguments[at] in known)) {
                stop("\"${arguments[at]}\" is not a valid option")
            }
            String option = arguments[at++]
            options[option] = arguments[at]
        }
        if (!new File(options['--war']).exists() || options['--latest'] != 'false') {
            stop('--war names no file, or --latest is not false')
        }
        def folder = new File(options['--plugin-download-directory'])
        new File(options['--plugin-file']).readLines().findAll { it && !it.startsWith('#') }.each { line ->
            def (name, version) = line.tokenize(':')
            if (version == 'nowhere') {
                stop("Unable to resolve plugin URL for ${name}, version ${version}")
            }
            new File(folder, "${name}.jpi").text = "${line}\n"
        }
        println("Done, as ${System.getProperty('user.name')}")
    }

    static void stop(String why) {
        System.err.println(why)
        System.exit(1)
    }
}
