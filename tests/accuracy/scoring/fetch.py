"""``python tests/accuracy fetch``: fill the cache through pip."""

from __future__ import annotations

from scoring.corpus import cache, fetch


def main(_arguments: list[str]) -> int:
    """Fetch whatever is pinned; what is there already is not fetched again."""
    fetch()
    print(f"the corpus is in {cache()}")
    return 0
