import groovy.json.JsonSlurper

/** The names that scripts may use: in which block, with which arguments, and which plugin brings them (vocabulary.json). */
class Vocabulary {
    private final Map<String, String> nouns
    private final Map<String, List<String>> words
    private final Map<String, Map<String, Map>> places = [:]

    Vocabulary(File source) {
        Map content = new JsonSlurper().parse(source)
        nouns = content.places
        words = content.words
        content.names.each { Map entry ->
            entry.in.each { String place ->
                places.get(place, [:])[entry.name] = entry
            }
        }
    }

    /** What is known of a name in a place, or null. */
    Map find(String place, String name) {
        places.get(place, [:])[name]
    }

    /** Whether a word without quotes stands for itself there, as in `agent any`. */
    boolean isWord(String place, String name) {
        name in words[place]
    }

    /** How to say that a name is not known in a place of a kind of file. */
    String refusal(String place, String name, String title, String file) {
        List<String> elsewhere = within(file).findAll { find(it, name) }.sort()
        String what = "unknown ${nouns[place] ?: (place[0] == '<' ? 'element' : 'name')} '${name}' in ${title}"
        if (elsewhere) {
            what = "misplaced '${name}' in ${title}: it belongs into ${elsewhere.join(' or ')}"
        }
        String known = (places[place] ?: [:]).keySet().sort().join(', ')
        known ? "${what}; known here: ${known}" : what
    }

    /** The places that blocks in a place open, and itself. */
    private Set<String> within(String place, Set<String> found = [] as Set) {
        if (found.add(place)) {
            places[place].each { name, entry -> entry.opens ? within(entry.opens, found) : null }
        }
        found
    }
}
