"""mypy: whether the hooks accept and return what the SDK promises the host.

It runs without plugins, without the target's configuration, and on a copy from which silencing comments are gone.
The SDK's types are there, and those the plugin's dependencies publish, where an environment is named
(:mod:`.mypy_types`); other imports count as untyped, which is stated as reduced. What mypy learns is kept for the
next check (:mod:`.mypy_cache`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import theodore_sdk
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.project import PluginProject, SourceFile
from theodore_plugin.scanners.hermetic import CleanTree, Room, ToolRun, run_command
from theodore_plugin.scanners.mypy_answer import Message, findings, json_lines, read_answer
from theodore_plugin.scanners.mypy_cache import MypyCache, cache_of, pack, unpack
from theodore_plugin.scanners.mypy_copy import TypedCopy, sdk_digest, sdk_only, typed_copy
from theodore_plugin.scanners.mypy_types import Types, no_types, published_types
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.tool_failure import by_hand, tool_failure
from theodore_plugin.store.store import key_of

FLAGS = (
    "--output=json",
    "--no-error-summary",
    "--no-site-packages",
    "--ignore-missing-imports",
    "--follow-imports=silent",
    "--namespace-packages",
    "--explicit-package-bases",
    "--show-traceback",
)
_BASE = "mypy-base"
"""Name of the run that makes the base cache; its scratch folder is its own."""


class MypyScanner:
    """Wraps ``python -m mypy``."""

    name = "mypy"
    distribution = "mypy"
    per_file = False
    ttl_seconds = None

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every Python file; those no import can reach are skipped."""
        return tuple(file.path for file in context.project.files)

    def fingerprint(self, context: ScanContext) -> str | None:
        """Name the SDK, the flags and the dependencies' types."""
        types = published_types(context)
        return key_of(sdk_digest(), *FLAGS, types.fingerprint, types.detail)

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run mypy over its own copy and read its JSON lines."""
        files = tuple(file for file in context.project.files if file.module is not None and not _poses_as_sdk(file))
        coverage = Coverage.account(self.name, tree.files, _account(context.project))
        failures = tuple(Failure(f"{lost.path} {lost.reason}") for lost in coverage.failed)
        if not files:
            return ScannerResult((), coverage, failures, skipped=True, detail="no importable Python files")
        types = published_types(context)
        copy = typed_copy(tree, files, types)
        answer, detail = _asked(copy, types, context)
        if answer.messages is None:
            return failed(self.name, tree.files, _why(answer, copy, context.project), sandbox=answer.run.sandbox)
        return ScannerResult(tuple(findings(copy, answer.messages)), coverage, failures, detail, answer.run.sandbox)


@dataclass(frozen=True, slots=True)
class _Answer:
    """How one run of mypy ended, and what it said; ``None`` if that is nothing we can use."""

    run: ToolRun
    messages: list[Message] | None

    @property
    def stopped(self) -> Message | None:
        """The message mypy gave up with: a syntax error, or two files for one module."""
        if self.run.completed.returncode != 2 or self.run.completed.timed_out:
            return None
        return next(iter(json_lines(self.run.completed.stdout) or ()), None)


def _asked(copy: TypedCopy, types: Types, context: ScanContext) -> tuple[_Answer, str]:
    """Ask mypy; return its answer and what was reduced. Types of others never stand in the way of an answer."""
    deadline = time.monotonic() + context.timeout_seconds
    answer = _with_cache(copy, _cache(context, types), deadline)
    if answer.stopped is None or not copy.is_of_dependencies(answer.stopped["file"]):
        return answer, types.detail
    stop = answer.stopped
    copy.drop_types()
    again = _with_cache(copy, _cache(context, no_types()), deadline)
    return again, f"{no_types().detail}: mypy stopped at {copy.short(stop['file'])}:{stop['line']}: {stop['message']}"


def _cache(context: ScanContext, types: Types) -> MypyCache | None:
    if not context.settings.incremental:
        return None
    return cache_of(context.project, (sdk_digest(), *FLAGS), types.fingerprint)


def _with_cache(copy: TypedCopy, cache: MypyCache | None, deadline: float) -> _Answer:
    """Run mypy on what is kept; if it cannot work with that, forget it and run again from nothing."""
    if cache is None:
        return _run(copy, None, deadline)
    kept = cache.fetch() or _make_base(copy.tree, cache, deadline)
    answer = _run(copy, kept or b"", deadline)
    if kept and answer.messages is None and answer.stopped is None and _may_be_repeated(answer, deadline):
        cache.forget()
        answer = _run(copy, b"", deadline)
    if answer.messages is not None:  # else what was kept is as good as before
        cache.keep(pack(copy.databases))
    return answer


def _may_be_repeated(answer: _Answer, deadline: float) -> bool:
    return not answer.run.completed.timed_out and time.monotonic() < deadline


def _make_base(tree: CleanTree, cache: MypyCache, deadline: float) -> bytes | None:
    """Let mypy learn the SDK, with nothing of the plugin on its path, if that pays; return what it learned."""
    if not cache.base_pays():
        return None
    copy, now = sdk_only(tree, _BASE), time.monotonic()
    if _run(copy, b"", now + (deadline - now) / 2).messages != []:
        return None
    learned = pack(copy.databases)
    if learned is not None:
        cache.keep_base(learned)
    return learned


def _run(copy: TypedCopy, kept: bytes | None, deadline: float) -> _Answer:
    """Run mypy, starting from the databases ``kept``; empty starts from nothing, ``None`` keeps nothing either."""
    copy.clear()
    if kept:
        unpack(kept, copy.databases)
    run = run_command(
        [sys.executable, "-I", "-m", "mypy", *_arguments(copy, keeps=kept is not None)],
        name=copy.name,
        tree=copy.tree,
        timeout=max(1.0, deadline - time.monotonic()),
        environment={"MYPYPATH": copy.search_path},
        room=Room(start=copy.start),
    )
    return _Answer(run, read_answer(run, copy.end))


def _arguments(copy: TypedCopy, *, keeps: bool) -> list[str]:
    config, listing = copy.tree.scratch / f"{copy.name}.ini", copy.tree.scratch / f"{copy.name}.files"
    config.write_text("[mypy]\n")
    listing.write_text("\n".join(copy.arguments), encoding="utf-8")  # a command line may be too short for all of them
    cache = [f"--cache-dir={copy.cache}", "--sqlite-cache"] if keeps else ["--cache-dir=/dev/null", "--no-incremental"]
    return [f"--config-file={config}", *cache, *FLAGS, f"--junit-xml={copy.end}", f"@{listing}"]


def _why(answer: _Answer, copy: TypedCopy, project: PluginProject) -> Failure:
    """Prefer mypy's own words (it stops at the first syntax error) over how the process ended."""
    reproduce = by_hand("mypy", ["--config-file=/dev/null", "--ignore-missing-imports"], project)
    if (stop := answer.stopped) is not None:
        return Failure(f"mypy stopped at {copy.short(stop['file'])}:{stop['line']}: {stop['message']}", reproduce)
    failure = tool_failure("mypy", answer.run, reproduce)
    return replace(failure, reason=failure.reason.replace(f"{copy.tree.root}/", ""))


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
