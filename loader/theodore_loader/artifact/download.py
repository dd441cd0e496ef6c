"""Fetch locked wheels through pip, which knows the user's indexes, proxies, certificates and credentials.

pip is asked for exactly one file per distribution (name, version, hash), wheels only and without dependencies,
so it neither resolves nor builds. Its configuration and ``PIP_*`` variables are left alone on purpose.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from theodore_loader.artifact.lock import LockedWheel
from theodore_loader.artifact.tree import read_regular
from theodore_loader.errors import ConfigurationProblem

_SECONDS = 900
_UNFOUND = re.compile(r"No matching distribution found for ([^\s(]+)")


def download(wanted: Sequence[LockedWheel], find_links: Sequence[Path] = ()) -> list[bytes]:
    """Return the bytes of each wanted wheel, hashes unchecked; raises :class:`ConfigurationProblem` if pip cannot."""
    if not wanted:
        return []
    with tempfile.TemporaryDirectory(prefix="theodore-download-") as scratch:
        _run_pip(wanted, find_links, Path(scratch))
        return [_fetched(Path(scratch) / "wheels" / locked.filename) for locked in wanted]


def _fetched(path: Path) -> bytes:
    data = read_regular(path)
    if data is None:
        raise ConfigurationProblem(
            f"pip fetched another file than {path.name}", help="check the index for renamed files"
        )
    return data


def _run_pip(wanted: Sequence[LockedWheel], find_links: Sequence[Path], scratch: Path) -> None:
    requirements = scratch / "requirements.txt"
    requirements.write_text("".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wanted))
    argv = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    argv += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    argv += [part for folder in find_links for part in ("--find-links", str(folder.absolute()))]
    argv += ["--requirement", str(requirements), "--dest", str(scratch / "wheels")]
    try:
        done = subprocess.run(argv, cwd=scratch, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _unfetched(wanted, f"pip did not finish within {_SECONDS} s") from None
    if done.returncode:
        raise _unfetched(wanted, _reason(done.stderr))


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if errors[-1:] == ["Exception:"]:  # pip's own traceback follows; its last line says what happened
        errors = lines[-1:]
    return "\n".join(errors[-3:] or lines[-3:] or ["pip said nothing"])


def _unfetched(wanted: Sequence[LockedWheel], reason: str) -> ConfigurationProblem:
    named = _UNFOUND.search(reason)
    what = named.group(1) if named else ", ".join(f"{w.name}=={w.version}" for w in wanted)
    return ConfigurationProblem(
        f"cannot fetch the locked dependency {what}:\n{reason}",
        help="check the network and `pip config list`; offline, point PIP_FIND_LINKS at a folder holding these wheels",
    )
