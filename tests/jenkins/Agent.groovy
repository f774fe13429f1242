// Stand-in for agent.jar: takes its options, and tells the controller every second that it is there.
class Agent {
    static void main(String[] arguments) {
        def options = [:]
        for (int at = 0; at < arguments.length; at++) {
            String option = arguments[at]
            options[option] = option == '-webSocket' ? '' : arguments[++at]
        }
        if (options.keySet() != ['-url', '-name', '-secret', '-webSocket', '-workDir'] as Set || options['-name'] != 'server') {
            System.err.println("not the options of an agent: ${options.keySet()}")
            System.exit(1)
        }
        def secret = new File(options['-secret'].substring(1)).text.trim()
        while (true) {
            def connection = new URL("${options['-url']}/wsagents/").openConnection()
            connection.requestMethod = 'POST'
            connection.setRequestProperty('Node-Secret', secret)
            try {
                if (connection.responseCode == 403) {
                    System.err.println('the controller refuses the secret')
                    System.exit(1)
                }
            } catch (IOException gone) {
                System.err.println("the controller does not answer: ${gone.message}")
            }
            sleep(1000)
        }
    }
}
