/** When a job runs, in Jenkins' dialect of cron: five fields, H for a time of the job's own, or @daily and the like. */
class Crontab {
    private static final List<String> ALIASES =
        ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']
    private static final List<Map> FIELDS = [
        [name: 'minute', range: 0..59], [name: 'hour', range: 0..23], [name: 'day of the month', range: 1..31, hashed: 28],
        [name: 'month', range: 1..12], [name: 'day of the week', range: 0..7, hashed: 7],
    ]

    /** What is wrong with a specification, or null; it may have comments, a time zone and several lines. */
    static String wrong(String spec) {
        List<String> lines = spec.readLines()*.trim().findAll { it && !it.startsWith('#') }
        if (lines && lines.first().startsWith('TZ=')) {
            lines = lines.tail()
        }
        lines ? lines.findResult { wrongLine(it) } : "cron specification '${spec}' names no time"
    }

    private static String wrongLine(String line) {
        if (line in ALIASES) {
            return null
        }
        List<String> fields = line.split(/\s+/)
        if (fields.size() != FIELDS.size()) {
            return "cron specification '${line}' has ${fields.size()} fields, not five; or one of ${ALIASES.join(' ')}"
        }
        FIELDS.withIndex().findResult { Map field, int index ->
            fields[index].split(',', -1).findResult { wrongPart(it, field) }
        }
    }

    private static String wrongPart(String part, Map field) {
        String name = field.name
        IntRange range = field.range
        def form = part =~ /(?:\*|H(?:\((\d+)-(\d+)\))?|(\d+)(?:-(\d+))?)(?:\/(\d+))?/
        if (!form.matches()) {
            return "cron specification: '${part}' is no ${name}"
        }
        List<Integer> numbers = (1..4).collect { form.group(it)?.toInteger() }
        Integer step = form.group(5)?.toInteger()
        Integer outside = numbers.find { it != null && !(it in range) }
        if (outside != null) {
            return "cron specification: ${outside} is no ${name}, which is ${range.from} to ${range.to}"
        }
        boolean isBackwards = [numbers[0..1], numbers[2..3]].any { it[1] != null && it[0] > it[1] }
        boolean isStepAlone = step != null && numbers[2] != null && numbers[3] == null
        int choice = numbers[1] == null ? field.hashed ?: range.size() : numbers[1] - numbers[0] + 1 // for H to take one of
        if (isBackwards || isStepAlone || step == 0 || (part[0] == 'H' && (step ?: 1) > choice)) {
            return "cron specification: '${part}' is no range of the ${name}"
        }
        null
    }
}
