pipelineJob('rollback') {
    description('Goes back to an earlier good release.')
    logRotator {
        numToKeep(50)
    }
    // Here and not in the pipeline, so that it is asked for at the very first build.
    parameters {
        stringParam('TO', '', 'Number of the release, as make releases lists it; empty takes the good one before')
        stringParam('WHY', '', 'For the record')
    }
    definition {
        cpsScm {
            scm {
                git {
                    remote {
                        url(REPOSITORY_URL)
                        credentials(REPOSITORY_CREDENTIALS)
                    }
                    branch(REPOSITORY_BRANCH)
                }
            }
            scriptPath('jenkins/pipelines/rollback.Jenkinsfile')
            lightweight()
        }
    }
}
