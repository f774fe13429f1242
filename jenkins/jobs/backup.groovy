pipelineJob('backup') {
    description('Archives the controller\'s home.')
    logRotator {
        numToKeep(30)
    }
    // Only the server that is its own controller has the clone to do it from.
    disabled(!PLATFORM_CLONE)
    configure {
        it / 'properties' / 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty' / 'triggers' <<
            'hudson.triggers.TimerTrigger' {
                spec('H H(0-1) * * *')
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
            scriptPath('jenkins/pipelines/backup.Jenkinsfile')
            lightweight()
        }
    }
}
