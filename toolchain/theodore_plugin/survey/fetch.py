"""Fetch a wheel from the user's index through pip, which knows indexes, proxies and credentials; keep it.

Wheels only and without dependencies: pip neither builds nor runs anything of what it fetches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import cache_dir, private_dir

_SECONDS = 300
_PIP = ("-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input")
_QUIET = ("--disable-pip-version-check", "--progress-bar", "off")


def fetch_wheel(requirement: str, say: Callable[[str], None]) -> Path:
    """Return the wheel for ``NAME`` or ``NAME==VERSION``; a pinned one is fetched once and then kept.

    Raises ConfigurationProblem if pip cannot fetch it.
    """
    folder = private_dir(cache_dir() / "wheels") / requirement.lower()
    if "==" in requirement and (kept := _only_wheel(folder)):
        return kept
    say(f"fetching the wheel of {requirement} through pip (--no-download prevents this)")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        fetched = _download(requirement, Path(scratch))
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / fetched.name
        shutil.move(fetched, scratch + ".whl")
        os.replace(scratch + ".whl", target)  # noqa: PTH105 - atomic, also while another fetches the same
    return target


def _download(requirement: str, folder: Path) -> Path:
    argv = [sys.executable, *_PIP, *_QUIET, "--dest", str(folder), "--", requirement]
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _unfetched(requirement, f"pip did not finish within {_SECONDS} s") from None
    wheel = _only_wheel(folder)
    if done.returncode or wheel is None:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or done.stderr.splitlines()
        raise _unfetched(requirement, "\n".join(line.removeprefix("ERROR: ") for line in lines[-2:]) or "no wheel")
    return wheel


def _only_wheel(folder: Path) -> Path | None:
    found = sorted(folder.glob("*.whl"))
    return found[0] if len(found) == 1 else None


def _unfetched(requirement: str, reason: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"{requirement} is neither a path nor installed here, and pip cannot fetch its wheel:\n{reason}",
        help="check the spelling and `pip config list`; a project without wheels can be given as a .tar.gz",
    )
