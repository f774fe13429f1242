/*
 * Executes what Jenkins would execute, by Jenkins' own version of Groovy, against a list of names, and prints what it says.
 *     groovy recorder.groovy pipeline [--param NAME=VALUE]… FILE…   declarative pipelines
 *     groovy recorder.groovy jobs [--set NAME=VALUE]… FILE…         Job DSL scripts, which are told these names
 * --root DIR is the repository that paths in scripts are about; --tree prints tables for people instead of JSON.
 * What is wrong is a line on stderr for each file, and the exit status is 1.
 */
File folder = new File(getClass().protectionDomain.codeSource.location.toURI()).parentFile
getClass().classLoader.addClasspath(new File(folder, 'recorder').path)
Class commandLine = getClass().classLoader.loadClass('CommandLine') // by name, as it is found only from here on
int status = commandLine.run(new File(folder, 'vocabulary.json'), args)
System.exit(status) // groovylint-disable-line SystemExit
