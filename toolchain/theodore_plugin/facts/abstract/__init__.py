"""The interpreter's own syntax tree to facts: many times faster, for syntax this interpreter knows."""
