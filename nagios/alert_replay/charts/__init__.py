"""The pictures of the report, each an <svg> element."""
