pipelineJob('infra-drift') {
    description('Red if site.yml would change anything on the server.')
    logRotator {
        numToKeep(30)
    }
    // Only the server that is its own controller has the clone to do it from.
    disabled(!PLATFORM_CLONE)
    configure {
        it / 'properties' / 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty' / 'triggers' <<
            'hudson.triggers.TimerTrigger' {
                spec('H H(5-6) * * *')
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
            scriptPath('jenkins/pipelines/infra-drift.Jenkinsfile')
            lightweight()
        }
    }
}
