"""Fixtures of the sandbox tests: code that runs confined, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.sandbox import interpreter, native, run
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_loader.sandbox.tier import Tier, available


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The one folder that may be written."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def confined(work: Path) -> Callable[..., Completed]:
    """Run Python code confined to reading its own installation and writing ``work``."""

    def run(code: str, *, timeout: float = 120.0, input: bytes | None = None, **limits: object) -> Completed:  # noqa: A002
        values: dict[str, object] = {"read": interpreter.read_paths(), "write": (str(work),), **limits}
        profile = Profile(**values)  # type: ignore[arg-type]
        argv = [sys.executable, "-c", code]
        environment = {"TMPDIR": str(work), "HOME": str(work), "PATH": "/usr/bin:/bin"}
        return run_confined(argv, profile, cwd=work, env=environment, input=input, timeout=timeout)

    return run


HARNESS = """
import sys, json
sys.path.insert(0, {loader!r})
spec = json.loads(sys.argv[1])
import asyncio, subprocess, sqlite3, ssl, multiprocessing
from theodore_loader.permissions import Permission
from theodore_loader.sandbox import audit_hook, interpreter
grants = [Permission.from_text(text) for text in spec["grants"]]
records = []
def report(record):
    records.append([record.permission, record.resource, record.granted, record.location])
code = (*interpreter.stdlib_paths(), {loader!r})
rules = audit_hook.hook_rules(grants, {{"data": spec["data"]}}, [spec["plugin"]], code)
installed = audit_hook.install(rules, report, compiled=spec["kind"] == "c")
assert installed.kind == spec["kind"], installed.detail
sys.path.insert(0, spec["plugin"])
told = []
for name in spec["modules"]:
    try:
        __import__(name)
        outcome = "ok"
    except BaseException as problem:
        outcome = f"{{type(problem).__name__}}: {{problem}}"
    try:
        installed.flush()
    except NameError:  # of a plugin that emptied the modules
        outcome += " (nothing was reported)"
    told.append([outcome, records[:] if records else []])
    if records: records.clear()
sys.stdout.write(json.dumps(told))
"""


@pytest.fixture(params=["c", "python"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the two hooks."""
    if request.param == "c" and native.extension() is None:
        pytest.skip(native.why_not())
    return str(request.param)


class Police:
    """Imports code as a plugin under a hook, in a process of its own; ``error`` is what the last one said last."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self.error = ""

    def __call__(self, code: str, *grants: str) -> tuple[str, list[list[Any]]]:
        """Return how it ended, and the records."""
        (told,) = self._run({"plugin": code}, grants)
        return told

    def each(self, codes: Mapping[str, str], *grants: str) -> dict[str, tuple[str, list[list[Any]]]]:
        """Import several, one after the other in one process: for what is refused and so changes nothing."""
        modules = {f"plugin{number}": code for number, code in enumerate(codes.values())}
        return dict(zip(codes, self._run(modules, grants), strict=True))

    def _run(self, modules: Mapping[str, str], grants: Sequence[str]) -> list[tuple[str, list[list[Any]]]]:
        data, plugin = self._folder / "data", self._folder / "plugin"
        for folder in (data, plugin):
            folder.mkdir(exist_ok=True)
        for name, code in modules.items():
            (plugin / f"{name}.py").write_text(f"data = {str(data)!r}\n{code}\n")
        spec = {"grants": grants, "data": str(data), "plugin": str(plugin), "kind": self._kind, "modules": [*modules]}
        argv = [sys.executable, "-I", "-S", "-B", "-c", HARNESS.format(loader=run._LOADER), json.dumps(spec)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, cwd=data, check=False)
        assert done.returncode == 0, done.stderr
        self.error = done.stderr
        return [(outcome, records) for outcome, records in json.loads(done.stdout)]


@pytest.fixture
def police(tmp_path: Path, kind: str) -> Police:
    """Each of the two hooks, to import plugins under."""
    return Police(tmp_path, kind)
