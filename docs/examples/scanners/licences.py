"""Say which files have no licence notice, one line of JSON each: ``licences.py --report=FILE FILES``."""

import json
import sys
from pathlib import Path

NOTICE = "SPDX-License-Identifier:"


def main(report: str, *files: str) -> int:
    """Write the report; 3 if any notice is missing."""
    missing = [name for name in files if NOTICE not in Path(name).read_text(encoding="utf-8", errors="replace")[:500]]
    with open(report.removeprefix("--report="), "w", encoding="utf-8") as output:  # noqa: PTH123 - as short as it gets
        for name in missing:
            weight = "grave" if name.endswith(".py") else "light"
            where = {"path": name, "line": 0}
            print(
                json.dumps({"where": where, "kind": "no-notice", "text": f"no {NOTICE} line", "weight": weight}),
                file=output,
            )
    return 3 if missing else 0


sys.exit(main(*sys.argv[1:]))
