pipelineJob('train') {
    description('Trains the model, and commits one that passed the gate.')
    logRotator {
        numToKeep(20)
    }
    parameters {
        stringParam('DATA', '', 'A file of samples on the agent; empty trains on generated links')
        booleanParam('ADOPT', true, 'Whether a model that passed is committed, and so released')
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
