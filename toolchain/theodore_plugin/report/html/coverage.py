"""Coverage: what each analyser was given, and above all what it did not look at."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.report.html.context import Context, code, folded, plural, table
from theodore_plugin.report.html.markup import Child, Html, element, text
from theodore_plugin.report.model import ScannerRun

MAX_PATHS = 100
"""Names listed for one reason."""
_HEADERS = ("Analyser", "Looked at", "Skipped", "Failed", "Held by", "Took")


def coverage(context: Context) -> Html:
    """Return the section of coverage."""
    report = context.report
    runs = {run.name: run for run in report.scanners}
    rows = [_row(one, runs.get(one.analyser)) for one in report.coverage]
    gaps = [part for one in report.coverage for part in _gaps(one)]
    notes = [element("li", code(run.name), " ", text(run.detail)) for run in report.scanners if run.detail]
    return context.section(
        "coverage",
        "Coverage",
        table("Every file and package is looked at, skipped for a reason, or failed", _HEADERS, rows),
        element("ul", notes, class_="notes") if notes else None,
        [context.heading(1, "Not looked at"), *gaps] if gaps else None,
    )


def _row(one: Coverage, run: ScannerRun | None) -> tuple[Child, ...]:
    analysed, skipped, failed = (one.count(state) for state in (State.ANALYSED, State.SKIPPED, State.FAILED))
    return (
        (one.analyser, " ", element("span", run.version, class_="quiet") if run else None),
        f"{analysed:,} of {plural(len(one.entries), one.unit)}",
        f"{skipped:,}",
        element("strong", f"{failed:,}", class_="standing bad") if failed else "0",
        _holder(run),
        f"{run.seconds:.1f} s" if run else "not timed",
    )


def _holder(run: ScannerRun | None) -> Child:
    if run is None:
        return "this program"
    return f"sandbox, {run.sandbox}" if run.sandbox else element("span", "no tool started", class_="quiet")


def _gaps(one: Coverage) -> Iterator[Html]:
    for state in (State.FAILED, State.SKIPPED):
        by_reason: dict[str, list[str]] = {}
        for entry in one.entries:
            if entry.state is state:
                by_reason.setdefault(entry.reason, []).append(entry.path)
        for reason, paths in by_reason.items():
            yield _gap(one, state, reason, paths)


def _gap(one: Coverage, state: State, reason: str, paths: list[str]) -> Html:
    items = [element("li", code(path)) for path in paths[:MAX_PATHS]]
    left = len(paths) - MAX_PATHS
    return folded(
        (
            element("span", state.value, class_=f"standing {'bad' if state is State.FAILED else 'unsure'}"),
            f" {one.analyser}, {plural(len(paths), one.unit)}: ",
            text(reason),
        ),
        element("ul", items, class_="paths"),
        element("p", f"and {plural(left, 'other')}", class_="quiet") if left > 0 else None,
        open_=state is State.FAILED,
        class_="gap",
    )
