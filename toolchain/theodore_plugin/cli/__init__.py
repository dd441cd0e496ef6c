"""The ``theodore-plugin`` command; everything about it is in :mod:`theodore_plugin.cli.program`.

This module imports next to nothing, so that an interrupt in the first tenth of a second, while the rest is
being imported, ends like any other, and so that an unchanged question is answered (:mod:`.replay`) before click is.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing itself takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
"""As ``docs/exit-codes.md`` has it."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; never a traceback unless debugging was asked for."""
    try:
        from theodore_plugin.cli import replay

        asked = replay.question(sys.argv[1:] if args is None else args)
        code = None if asked is None else replay.repeat(asked)
        if code is not None:
            return code
        from theodore_plugin.cli import program
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    return program.main(args, asked)
