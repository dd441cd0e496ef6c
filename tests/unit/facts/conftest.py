"""Source files and a cache folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_plugin.project import SourceFile

Make = Callable[..., SourceFile]


@pytest.fixture
def source() -> Make:
    """Return a builder of source files from text or bytes."""

    def make(data: str | bytes, path: str = "demo/example.py") -> SourceFile:
        encoded = data.encode() if isinstance(data, str) else data
        return SourceFile.of(path, path.removesuffix(".py").replace("/", "."), encoded)

    return make


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the state folder, and with it the cache, at an empty one."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
