from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.policy import PolicyProblems, load_policy


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a policy file and return its path."""

    def write(content: str | bytes, name: str = "acme.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def problems(write: Callable[..., Path]) -> Callable[..., list[tuple[int, int, str, str]]]:
    """Return everything wrong with a policy's text, as (line, column, message, help)."""

    def problems(content: str | bytes) -> list[tuple[int, int, str, str]]:
        with pytest.raises(PolicyProblems) as caught:
            load_policy(write(content))
        assert caught.value.help
        return [tuple(problem) for problem in caught.value.problems]

    return problems
