import org.codehaus.groovy.ast.ClassCodeVisitorSupport
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.CompilationCustomizer

/**
 * Compiles a script so that each call without a receiver says its line behind its name, `sh@12`.
 * No such name exists, so Groovy's own methods (sleep, print, with) are not taken for steps of that name.
 */
class Sources {
    private static final String FILE = 'recorded.groovy'
    private String[] lines = []

    Script parse(String text) {
        lines = text.split('\n')
        CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: RecordedScript.name)
        configuration.addCompilationCustomizers(new LineNumbers())
        new GroovyShell(Sources.classLoader, new Binding(), configuration).parse(text, FILE)
    }

    /** A call's name and line. */
    List decode(String name) {
        int at = name.lastIndexOf('@')
        at < 0 ? [name, line(new Throwable())] : [name[0..<at], name[at + 1..-1].toInteger()]
    }

    /** The line that the script has come to. */
    int line(Throwable trace) {
        trace.stackTrace.find { it.fileName == FILE && it.lineNumber > 0 }?.lineNumber ?: 1
    }

    /** What stands in the braces of a block that begins in a line, in one line. */
    String text(int line) {
        String rest = lines[line - 1..-1].join(' ')
        int from = rest.indexOf('{', Math.max(rest.indexOf('expression'), 0)), depth = 0
        int to = (from..<rest.size()).find { int at ->
            depth += rest[at] == '{' ? 1 : (rest[at] == '}' ? -1 : 0)
            depth == 0
        }
        rest[from + 1..<to].replaceAll(/\s+/, ' ').trim()
    }

    private static class LineNumbers extends CompilationCustomizer {
        LineNumbers() {
            super(CompilePhase.CONVERSION)
        }

        @Override
        void call(SourceUnit source, GeneratorContext context, ClassNode node) {
            new Visitor(source).visitClass(node)
        }
    }

    private static class Visitor extends ClassCodeVisitorSupport {
        private final SourceUnit source

        Visitor(SourceUnit source) {
            this.source = source
        }

        @Override
        protected SourceUnit getSourceUnit() {
            source
        }

        @Override
        void visitMethodCallExpression(MethodCallExpression call) {
            super.visitMethodCallExpression(call)
            if (call.implicitThis && call.method instanceof ConstantExpression) {
                call.method = new ConstantExpression("${call.method.text}@${call.method.lineNumber}".toString())
            }
        }
    }
}
