multibranchPipelineJob('pull-request') {
    description('Tests every branch of the repository but the main one, which the job release has.')
    branchSources {
        git {
            id('platform')
            remote(REPOSITORY_URL)
            credentialsId(REPOSITORY_CREDENTIALS)
            excludes(REPOSITORY_BRANCH)
        }
    }
    orphanedItemStrategy {
        discardOldItems {
            daysToKeep(7)
        }
    }
    configure {
        (it / 'factory' / 'scriptPath').value = 'jenkins/pipelines/pull-request.Jenkinsfile'
        it / 'triggers' << 'com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger' {
            spec('H/5 * * * *')
            interval(300000)  // ms
        }
    }
}
