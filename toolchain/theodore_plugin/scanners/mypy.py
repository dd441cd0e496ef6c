"""mypy: whether the hooks accept and return what the SDK promises the host.

It runs without plugins, without the target's configuration, without this environment's packages, and on
a copy from which silencing comments are gone. The SDK's types are there; other imports that cannot be
found count as untyped, which is stated as reduced.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import theodore_sdk
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.project import PluginProject, SourceFile
from theodore_plugin.scanners.hermetic import CleanTree, ToolRun, run_tool
from theodore_plugin.scanners.neutral_source import neutral_source
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.tool_failure import by_hand, tool_failure

ERRORS = frozenset({"override", "abstract"})
"""Codes that block: the plugin breaks the contract of the class it extends. All others are warnings, because
they judge the plugin's inside; a policy can raise them."""
RETURN_TYPE = "Return type "
"""How an ``override`` about the result begins; it warns, because an annotation is what an author says."""

_FLAGS = (
    "--output=json",
    "--no-error-summary",
    "--no-site-packages",
    "--ignore-missing-imports",
    "--follow-imports=silent",
    "--namespace-packages",
    "--explicit-package-bases",
    "--no-incremental",
    "--show-traceback",
)
_REDUCED = "types of other packages were not available"


class MypyScanner:
    """Wraps ``python -m mypy``."""

    name = "mypy"
    distribution = "mypy"
    per_file = False
    ttl_seconds = None

    def fingerprint(self, context: ScanContext) -> str | None:
        """Nothing is kept."""
        return None

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every Python file; those no import can reach are skipped."""
        return tuple(file.path for file in context.project.files)

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run mypy over its own copy and read its JSON lines."""
        files = [file for file in context.project.files if file.module is not None and not _poses_as_sdk(file)]
        coverage = Coverage.account(self.name, tree.files, _account(context.project))
        failures = tuple(Failure(f"{lost.path} {lost.reason}") for lost in coverage.failed)
        if not files:
            return ScannerResult((), coverage, failures, skipped=True, detail="no importable Python files")
        copy = _typed_copy(tree, files)
        environment = {"MYPYPATH": ":".join(_search_path(copy, files))}
        run = run_tool(
            "mypy", _arguments(copy, files), tree=tree, timeout=context.timeout_seconds, environment=environment
        )
        messages = _parse(run)
        if messages is None:
            return failed(self.name, tree.files, _why(run, copy, context.project), sandbox=run.sandbox)
        return ScannerResult(tuple(_findings(copy, messages)), coverage, failures, _REDUCED, run.sandbox)


def _typed_copy(tree: CleanTree, files: list[SourceFile]) -> CleanTree:
    """Write the copy mypy sees, and the SDK beside it."""
    copy = CleanTree(tree.root.with_name("typed"), tree.scratch, tuple(file.path for file in files), tree.stop)
    for file in files:
        target = copy.root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(neutral_source(file.data))
    sdk = Path(theodore_sdk.__file__).parent
    shutil.copytree(sdk, _sdk_base(copy) / "theodore_sdk", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def _sdk_base(copy: CleanTree) -> Path:
    return copy.root.with_name("sdk")


def _search_path(copy: CleanTree, files: list[SourceFile]) -> list[str]:
    """Return the SDK first, so that no folder of the plugin can pose as it, then the bases of its modules."""
    bases = sorted({str(copy.root / _base(file)) for file in files})
    return [str(_sdk_base(copy)), *bases]


def _base(file: SourceFile) -> PurePosixPath:
    """Return the folder from which ``file`` is imported under its module name."""
    depth = (file.module or "").count(".") + (1 if file.is_package else 0)
    return PurePosixPath(file.path).parents[depth]


def _arguments(copy: CleanTree, files: list[SourceFile]) -> list[str]:
    config = copy.scratch / "mypy.ini"
    config.write_text("[mypy]\n")
    cache = f"--cache-dir={copy.scratch / 'mypy' / 'cache'}"
    return [f"--config-file={config}", cache, *_FLAGS, "--", *(str(copy.root / file.path) for file in files)]


def _parse(run: ToolRun) -> list[Mapping[str, Any]] | None:
    """Return mypy's messages, or ``None`` if it crashed, stopped early or printed something else."""
    if not run.finished(0, 1):
        return None
    return _json_lines(run.completed.stdout)


def _json_lines(stdout: bytes) -> list[Mapping[str, Any]] | None:
    messages: list[Mapping[str, Any]] = []
    for line in stdout.decode("utf-8", "replace").splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            return None
        if not isinstance(message, dict) or not {"file", "line", "column", "message", "severity"} <= message.keys():
            return None
        messages.append(message)
    return messages


def _why(run: ToolRun, copy: CleanTree, project: PluginProject) -> Failure:
    """Prefer mypy's own words (it stops at the first syntax error) over how the process ended."""
    reproduce = by_hand("mypy", ["--config-file=/dev/null", "--ignore-missing-imports"], project)
    if run.completed.returncode == 2 and not run.completed.timed_out:
        for message in _json_lines(run.completed.stdout) or ():
            path = copy.project_path(str(message["file"])) or message["file"]
            return Failure(f"mypy stopped at {path}:{message['line']}: {message['message']}", reproduce)
    failure = tool_failure("mypy", run, reproduce)
    return replace(failure, reason=failure.reason.replace(f"{copy.root}/", ""))


def _poses_as_sdk(file: SourceFile) -> bool:
    """Return whether mypy would take the plugin's file for the SDK's, and judge the hooks by it."""
    return (file.module or "").partition(".")[0] == theodore_sdk.__name__


def _account(project: PluginProject) -> Iterator[Covered]:
    for file in project.files:
        if _poses_as_sdk(file):
            yield Covered(file.path, State.FAILED, "poses as the SDK, so it was left out")
        elif file.module is None:
            yield Covered(file.path, State.SKIPPED, "no module can import it")
        else:
            yield Covered(file.path)


def _findings(copy: CleanTree, messages: list[Mapping[str, Any]]) -> Iterator[Finding]:
    for message in messages:
        path = copy.project_path(str(message["file"]))
        if path is not None and message["severity"] == "error":
            yield _finding(path, message)


def _finding(path: str, message: Mapping[str, Any]) -> Finding:
    code = str(message.get("code") or "misc")
    blocks = code in ERRORS and not str(message["message"]).startswith(RETURN_TYPE)
    return Finding(
        rule=f"mypy/{code}",
        severity=Severity.ERROR if blocks else Severity.WARNING,
        confidence=Confidence.HIGH if blocks else Confidence.MEDIUM,
        location=_location(path, message),
        message=str(message["message"]),
        help=_hint(message.get("hint")),
        source="mypy",
    )


def _hint(hint: object) -> str | None:
    """Return the first line of mypy's note; the rest lists every overload of a library."""
    return str(hint).splitlines()[0] if hint else None


def _location(path: str, message: Mapping[str, Any]) -> Location:
    line, column = max(1, int(message["line"])), max(1, int(message["column"]) + 1)
    end_line, end_column = message.get("end_line"), message.get("end_column")
    if not isinstance(end_line, int) or not isinstance(end_column, int) or end_line < line:
        return Location(path, line, column)
    return Location(path, line, column, end_line, end_column + 1)
