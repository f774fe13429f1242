pipelineJob('train') {
    description('Trains the model, and commits one that passed the gate.')
    logRotator {
        numToKeep(20)
    }
    configure {
        it / 'properties' / 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty' / 'triggers' <<
            'hudson.triggers.TimerTrigger' {
                spec('H H(1-3) * * 0')
            }
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
            scriptPath('jenkins/pipelines/train.Jenkinsfile')
            lightweight()
        }
    }
}
