"""The packages' own test suites, where a source distribution or the wheel ships them, run under the recorder.

A test module that needs what the corpus does not have is passed over: what the others do still counts.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from scoring.corpus import HERE, Package, cache, site

SUITES = HERE / "suites.txt"
OPTIONS = ("-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-o", "addopts=")


def record_tests(package: Package) -> list[dict[str, Any]]:
    """Return what a package's own tests made it do; nothing where none are at hand."""
    from scoring.record import record  # which records these tests beside its scripts

    shipped = site() / package.root / "tests"
    with tempfile.TemporaryDirectory(prefix="theodore-suite-") as scratch:
        tests = shipped if shipped.is_dir() else unpack(package.name, Path(scratch))
        if tests is None:
            return []
        return record(
            package.name,
            package.root,
            site(),
            "-mpytest",
            (str(tests), f"--rootdir={tests}", f"--confcutdir={tests}", *OPTIONS),
        )


def unpack(name: str, scratch: Path) -> Path | None:
    """Unpack the tests of a package's source distribution, and nothing else of it."""
    version = next((line.split()[0] for line in SUITES.read_text().splitlines() if line.startswith(f"{name}==")), None)
    if version is None:
        return None
    stem = version.replace("-", "_").replace("==", "-")
    found = cache() / "wheels" / f"{stem}.tar.gz"
    if not found.is_file():
        return None
    with tarfile.open(found) as archive:
        wanted = [member for member in archive.getmembers() if _is_test(member.name)]
        archive.extractall(scratch, members=wanted, filter="data")
    return scratch / stem / "tests"


def _is_test(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) > 1 and parts[1] == "tests"
