"""Accuracy on real packages: ``python tests/accuracy fetch|record|score|network|robustness``.

``fetch`` needs the package registry once; everything else works offline on what it left in the cache.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "fetch": "scoring.fetch",
    "record": "scoring.record",
    "score": "scoring.score",
    "network": "scoring.network",
    "robustness": "scoring.robustness",
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; 2 says that the corpus has to be fetched first."""
    from scoring.corpus import NotFetched

    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 2
    try:
        return int(importlib.import_module(COMMANDS[arguments[0]]).main(list(arguments[1:])))
    except NotFetched as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
