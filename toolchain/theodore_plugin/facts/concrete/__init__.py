"""libcst's tree to facts, beside a cursor over the text it was read from."""
