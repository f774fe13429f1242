pipelineJob('release') {
    description('From a commit of the main branch to a verified release.')
    logRotator {
        numToKeep(50)
    }
    parameters {
        stringParam('WHY', '', 'For the record of the release; empty takes the subject of the commit')
        booleanParam('RELEASE', true, 'Without it the pipeline ends after the smoke test')
    }
    configure {
        it / 'properties' / 'org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty' / 'triggers' <<
            'hudson.triggers.SCMTrigger' {
                spec('H/5 * * * *')
                ignorePostCommitHooks(false)
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
            scriptPath('jenkins/Jenkinsfile')
            lightweight()
        }
    }
}
