/** A build's variables, which only a build knows: each stands for its own name. */
class Environment extends GroovyObjectSupport {
    @Override
    Object getProperty(String name) {
        "\$${name}".toString()
    }
}
