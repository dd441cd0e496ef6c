"""Keep how a session of pytest ended, for whoever must decide whether a second try is fair (``second_try.py``).

A plugin, registered by ``tests/conftest.py``. pytest's own ``lastfailed`` would not do: it also holds failures of
earlier sessions, and says neither with what a test failed nor whether the session broke off.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

KEY = "session/ending"
"""Where pytest's cache keeps it."""
_PHASES = ("setup", "call", "teardown")


@dataclass(slots=True)
class Ending:
    """How a session ended: pytest's exit code, what failed with what, what passed and what never got so far."""

    exit_code: int
    failed: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path) -> Ending | None:
        """Return what the last session below ``root`` kept, and ``None`` if it kept nothing that can be read."""
        try:
            return cls(**json.loads(_path(root).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @staticmethod
    def forget(root: Path) -> None:
        """Remove what an earlier session kept."""
        _path(root).unlink(missing_ok=True)


def _path(root: Path) -> Path:
    return root / ".pytest_cache" / "v" / KEY


class Witness:
    """Sees every report of a session and keeps what came of it when it ends."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ending = Ending(pytest.ExitCode.INTERNAL_ERROR)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._ending.failed.setdefault(report.nodeid, _said(report))
            if report.when not in _PHASES:  # the process that ran it is gone
                self._ending.broken.append(report.nodeid)
        elif report.passed and report.when == "call":
            self._ending.passed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._ending.broken.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self._ending.exit_code = int(exitstatus)
        self._config.cache.set(KEY, asdict(self._ending))


def _said(report: pytest.TestReport) -> str:
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the session as a whole: not in the workers of a parallel one, and not without a cache to keep it in."""
    if not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("cacheprovider"):
        config.pluginmanager.register(Witness(config))
