// The only job that comes with Jenkins' configuration. It makes all others from jobs/, and deletes what is not there any more;
// a script that is wrong there fails its build, and does not keep Jenkins from starting.
job('seed') {
    description('Makes the jobs of jenkins/jobs, and deletes those that are not there any more.')
    label('platform')
    logRotator {
        numToKeep(20)
    }
    steps {
        // Job DSL reads scripts from a workspace alone. The folder is root's, which Ansible brings there.
        shell('rm -rf jobs && cp -R /etc/jenkins/live/jobs jobs')
        dsl {
            external('jobs/*.groovy')
            removeAction('DELETE')
            removeViewAction('DELETE')
        }
    }
}

queue('seed')
