/** What was recorded, as people read it. */
class Table {
    private final List<Map> found
    private final List<String> lines = []

    Table(List<Map> found) {
        this.found = found
    }

    String text() {
        lines.clear()
        found.each { it.pipeline ? pipeline(it) : job(it) }
        lines.join('\n')
    }

    private void job(Map job) {
        lines << "job ${job.name}${job.disabled ? ' (disabled)' : ''}: ${job.description}"
        job.triggers.each { put(1, "at ${it.spec}", it.trigger.split(/\./).last()) }
        if (job.queued) {
            put(1, 'at once', 'queued by its script')
        }
        parameters(job)
        if (job.scriptPath) {
            put(1, job.scriptPath, "of ${job.scm.url}, ${job.scm.branch ?: "all branches but ${job.scm.excludes}"}")
        }
        job.steps.each { put(1, it.command ?: "${it.step} ${it.external}", it.removeAction ? "removed: ${it.removeAction}" : '') }
    }

    private void pipeline(Map pipeline) {
        lines << "pipeline ${pipeline.pipeline} on ${pipeline.agent.label ?: pipeline.agent.keySet().first()}${options(pipeline)}"
        parameters(pipeline)
        stages(pipeline, 1)
    }

    private void parameters(Map owner) {
        owner.parameters.each { put(1, "parameter ${it.name}=${it.default}", it.description) }
    }

    private void stages(Map within, int depth) {
        within.stages.each { Map stage ->
            String when = stage.when.findAll { it.condition in ['expression', 'branch'] }.collect { " if ${it.value}" }.join('')
            lines << "${'    ' * depth}${stage.name}${when}${options(stage)}"
            steps(stage.steps, depth + 1)
            stages(stage, depth + 1)
        }
        within.post.each { condition, steps ->
            lines << "${'    ' * depth}${condition}:"
            this.steps(steps, depth + 1)
        }
    }

    private void steps(List<Map> steps, int depth) {
        steps.each { Map step ->
            if (step.step == 'withCredentials') {
                this.steps(step.steps, depth)
            } else {
                List about = (step.args ?: []) + (step.artifacts ?: [])
                String bound = step.credentials ? "with ${step.credentials*.id.join(', ')}" : ''
                put(depth, step.script ?: ([step.step] + about).join(' '), bound)
                this.steps(step.steps, depth + 1)
            }
        }
    }

    private static String options(Map owner) {
        List<String> told = owner.options.collect { Map option ->
            List values = option.findAll { it.key != 'option' }*.value
            values ? "${option.option} ${values.join(' ')}" : option.option
        }
        told ? " [${told.join(', ')}]" : ''
    }

    private void put(int depth, String what, String remark) {
        String line = '    ' * depth + what
        lines << (remark ? "${line.padRight(60)}  ${remark}" : line).toString()
    }
}
