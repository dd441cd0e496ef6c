"""What scanners found before, by everything their answer depends on.

The key of a result names the scanner and its tool's version, our own code that reads its output, what the scanner
says its result depends on besides the files (:meth:`Scanner.fingerprint`), and path and content of the files: of all
of them, or, for a scanner that looks at each file by itself, of one. Only whole answers are kept; what failed, or was
said with a reservation, is asked again. Who signs a verdict asks everything again (``Settings.incremental``).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import CleanTree
from theodore_plugin.scanners.scanner import ScanContext, Scanner, ScannerResult
from theodore_plugin.scanners.tools import installed_version
from theodore_plugin.store.catalogue import SCANS
from theodore_plugin.store.code import code_digest
from theodore_plugin.store.store import Store, key_of

Scan = Callable[[CleanTree, ScanContext], ScannerResult]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A result and when it was established (seconds since the epoch)."""

    result: ScannerResult
    established: float


def scan(scanner: Scanner, tree: CleanTree, context: ScanContext, run: Scan) -> ScannerResult:
    """Return what ``run`` (the scanner, watched over) would say, from what was kept as far as possible."""
    store = SCANS.opened() if context.settings.incremental else None
    fingerprint = None if store is None else scanner.fingerprint(context)
    if store is None or fingerprint is None:
        return run(tree, context)
    shelf = _Shelf(store, _base(scanner, fingerprint), scanner.ttl_seconds)
    result = (
        _by_file(scanner, tree, context, run, shelf) if scanner.per_file else _whole(scanner, tree, context, run, shelf)
    )
    store.trim()
    return result


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where one scanner's results lie."""

    store: Store
    base: str
    ttl_seconds: float | None

    def get(self, what: str) -> ScannerResult | None:
        """Return what is kept, unless it is too old."""
        stored = self.store.get(key_of(self.base, what))
        try:
            kept = None if stored is None else msgspec.msgpack.decode(stored, type=_Kept)
        except (msgspec.MsgspecError, ValueError, TypeError):
            return None
        if kept is None:
            return None
        age = time.time() - kept.established
        return kept.result if self.ttl_seconds is None or 0 <= age < self.ttl_seconds else None

    def put(self, what: str, result: ScannerResult) -> None:
        """Keep a result that says everything there is to say."""
        if result.failures or result.coverage.failed:
            return
        with contextlib.suppress(UnicodeEncodeError):  # file names that are no text
            self.store.put(key_of(self.base, what), msgspec.msgpack.encode(_Kept(result, time.time())))


def _whole(scanner: Scanner, tree: CleanTree, context: ScanContext, run: Scan, shelf: _Shelf) -> ScannerResult:
    contents = _contents(context.project) if getattr(scanner, "reads_files", True) else {}
    what = key_of(*(part for item in sorted(contents.items()) for part in item))
    kept = shelf.get(what)
    if kept is not None:
        return kept
    result = run(tree, context)
    shelf.put(what, result)
    return result


def _by_file(scanner: Scanner, tree: CleanTree, context: ScanContext, run: Scan, shelf: _Shelf) -> ScannerResult:
    """Look at the files that nothing is kept of, and join that with what is kept of the others."""
    contents = _contents(context.project)
    given = scanner.given(context)
    kept = {path: found for path in given if (found := shelf.get(key_of(path, contents.get(path, "")))) is not None}
    missing = [path for path in given if path not in kept]
    if not kept:
        fresh = run(tree, context)
    elif missing:
        fresh = run(*_narrowed(tree, context, frozenset(missing)))
    else:
        fresh = ScannerResult((), Coverage.account(scanner.name, (), ()))
    if not fresh.failures:
        for path, part in _parts(fresh).items():
            shelf.put(key_of(path, contents.get(path, "")), part)
    return _joined(scanner.name, given, fresh, kept.values())


def _narrowed(tree: CleanTree, context: ScanContext, paths: frozenset[str]) -> tuple[CleanTree, ScanContext]:
    """Return tree and context as they would be if the project had only these files."""
    project = replace(
        context.project,
        files=tuple(file for file in context.project.files if file.path in paths),
        texts=tuple(text for text in context.project.texts if text.path in paths),
        not_texts=tuple(entry for entry in context.project.not_texts if entry.path in paths),
    )
    return replace(tree, files=tuple(path for path in tree.files if path in paths)), replace(context, project=project)


def _parts(result: ScannerResult) -> Mapping[str, ScannerResult]:
    """Take a result apart by file."""
    findings: dict[str, list[Finding]] = {entry.path: [] for entry in result.coverage.entries}
    for finding in result.findings:
        findings.setdefault(finding.location.path, []).append(finding)
    return {
        entry.path: replace(
            result,
            findings=tuple(findings[entry.path]),
            coverage=replace(result.coverage, entries=(entry,)),
            detail="",
        )
        for entry in result.coverage.entries
        if entry.state is not State.FAILED
    }


def _joined(name: str, given: Iterable[str], fresh: ScannerResult, kept: Iterable[ScannerResult]) -> ScannerResult:
    parts = [fresh, *kept]
    entries: list[Covered] = [entry for part in parts for entry in part.coverage.entries]
    findings = sorted((finding for part in parts for finding in part.findings), key=lambda finding: finding.sort_key)
    return replace(
        fresh,
        findings=tuple(findings),
        coverage=Coverage.account(name, given, entries, unit=fresh.coverage.unit),
        sandbox=fresh.sandbox or next((part.sandbox for part in parts if part.sandbox), ""),
        skipped=all(part.skipped for part in parts),
    )


def _contents(project: PluginProject) -> dict[str, str]:
    """Return the digest of every file a scanner may be given, and of what it is called when imported or shipped."""
    files = {file.path: f"{file.digest} {file.module}" for file in project.files}
    texts = {text.path: f"{text.digest} {text.shipped}" for text in project.texts}
    return {entry.path: entry.reason for entry in project.not_texts} | texts | files


def _base(scanner: Scanner, fingerprint: str) -> str:
    version = installed_version(scanner.distribution)
    code = (code_digest("scanners"), code_digest("advisories"))
    return key_of(*code, scanner.name, scanner.distribution, version, fingerprint)
