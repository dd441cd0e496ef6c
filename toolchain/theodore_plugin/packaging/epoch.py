"""The one moment a build happens at, as far as the wheel can tell (reproducible-builds.org, SOURCE_DATE_EPOCH)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem

VARIABLE = "SOURCE_DATE_EPOCH"
EARLIEST = 315_532_800
"""1980-01-01, the first day a zip archive can name."""
LATEST = 4_354_819_198
"""2107-12-31, the last one."""

# The repository belongs to whoever wrote the plugin: git reads no hooks, monitors, helpers or lazy objects of theirs.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false")
_GIT_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def source_date_epoch(root: Path) -> int:
    """Return ``SOURCE_DATE_EPOCH`` if set, else the time of the last commit, else 1980-01-01, in seconds."""
    stated = os.environ.get(VARIABLE)
    if stated is None:
        return max(EARLIEST, min(LATEST, _last_commit(root) or EARLIEST))
    if not stated.isascii() or not stated.isdigit() or not EARLIEST <= int(stated) <= LATEST:
        raise ConfigurationProblem(
            f"{VARIABLE}={stated!r} is no time between 1980 and 2107", help="give seconds since 1970, or unset it"
        )
    return int(stated)


def _last_commit(root: Path) -> int | None:
    argv = [*_GIT, "-C", str(root), "rev-list", "--max-count=1", "--timestamp", "HEAD"]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **_GIT_ENVIRONMENT}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = done.stdout.split(maxsplit=1)[:1]
    return int(first[0]) if done.returncode == 0 and first and first[0].isdigit() else None
