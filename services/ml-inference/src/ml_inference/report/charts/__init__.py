"""The report's charts, each a function from figures to one <svg> element."""
