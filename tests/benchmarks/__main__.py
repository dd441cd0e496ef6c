"""Run every benchmark beside this file, one process each: ``python tests/benchmarks`` (``make bench``)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks named on the command line, or all of them; return the first failing exit code."""
    folder = Path(__file__).parent
    wanted = sys.argv[1:] or sorted(path.stem for path in folder.glob("bench_*.py"))
    for name in wanted:
        print(f"\n# {name}", flush=True)
        code = subprocess.run([sys.executable, folder / f"{name}.py"], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
