"""What any Python package can do: find it, read it, infer, and lay the answer out in rows people can compare."""
