"""Try every technique in every configuration here, and write down what came of it.

::

    python tests/escapes/matrix.py --record tests/escapes/recorded/3.11-root.json [--layers]
    python tests/escapes/matrix.py --write docs/escapes.md

The first needs some minutes and a machine with Landlock and seccomp; ``--layers`` also tries each layer alone and all
layers but each. The second makes the page from everything that is recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path[1:1] = [str(Path(__file__).parents[2] / part) for part in ("loader", "toolchain")]

from shooting.page import page  # noqa: E402
from shooting.record import Run, gallery_modes, record  # noqa: E402

RECORDED = Path(__file__).with_name("recorded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, metavar="FILE", help="try everything and write the results")
    parser.add_argument("--layers", action="store_true", help="each layer alone, and all but each, too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="make the page from what is recorded")
    options = parser.parse_args()
    if options.record:
        run = asyncio.run(record(gallery_modes(layers=options.layers), lambda line: print(line, flush=True)))
        run.write(options.record)
    if options.write:
        options.write.write_text(page([Run.read(path) for path in sorted(RECORDED.glob("*.json"))]))


if __name__ == "__main__":
    main()
