pipelineJob('verify') {
    description('Proves that the release runs and forecasts rightly.')
    logRotator {
        numToKeep(30)
    }
    configure {
        it / 'properties' / 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty' / 'triggers' <<
            'hudson.triggers.TimerTrigger' {
                spec('H H(4-5) * * *')
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
            scriptPath('jenkins/pipelines/verify.Jenkinsfile')
            lightweight()
        }
    }
}
