"""docs/escapes.md, made from recorded runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shooting.modes import CONTROL, NEEDED
from shooting.record import ESCAPED, SINGLE, STOPPED, Row, Run
from shooting.techniques import THEMES

HEAD = """# Ways out that are tried

Every technique below is tried with harmless canaries, first without any sandbox, where it must work, then in each
configuration. The evidence is the host's: the secret came back, the server was reached, the file changed. Most are a
few lines of Python in `tests/escapes/cases`; a plugin makes them in a real worker, as users run it. These are
regression tests and no proof: the layers were built knowing the techniques. What is not stopped, and which tier would,
is said in the [threat model](threat-model.md).

This page is made by `python tests/escapes/matrix.py --write docs/escapes.md` from the runs in
`tests/escapes/recorded`.
"""

COLUMNS = """
*alone* names the layers that stop a technique when there is no other: **p** a process of its own with nothing
inherited, **r** resource limits, **c** no capabilities and no new privileges, **L** Landlock, **s** seccomp, **h** the
audit hook in C, **y** the audit hook in Python. *kernel* is all of them without the hook. *standard* and *isolated* are
real workers of these tiers, and the word is who refused first: the layer that the refusal itself names, or else the
first of those that stop it alone.
"""

LETTERS = {
    "process": "p",
    "rlimits": "r",
    "privileges": "c",
    "landlock": "L",
    "seccomp": "s",
    "hook": "h",
    "python-hook": "y",
}
OF_THE_KERNEL = {"seccomp": "seccomp", "landlock": "Landlock", "privileges": "privileges"}
ORDER = ("process", "seccomp", "landlock", "rlimits", "privileges")
NAMES = {"process": "nothing inherited", "seccomp": "seccomp", "landlock": "Landlock", "rlimits": "resource limits"}


def page(runs: Sequence[Run]) -> str:
    """Return the page. The run with the most configurations gives the tables; the others are compared with it."""
    main = fullest(runs)
    parts = [HEAD, _machines(runs), f"\nBy theme, with Python {main.python}:\n", by_theme(main), COLUMNS]
    parts += [_theme(main, theme) for theme in THEMES]
    parts += [_shared(main), _left_out(main), _differences(main, runs)]
    return "\n".join(part for part in parts if part)


def fullest(runs: Sequence[Run]) -> Run:
    """Return the run in which the most was tried."""
    return max(runs, key=lambda run: sum(len(row.results) for row in run.own))


def _machines(runs: Sequence[Run]) -> str:
    lines = ["", "| Linux | Landlock ABI | Python | user | own: tried, stopped | catalogue: tried, stopped |"]
    lines.append("|---|---|---|---|---|---|")
    for run in sorted(runs, key=lambda run: (run.python, run.user)):
        own, shared = _summary(run.own), _summary(run.shared)
        lines.append(f"| {run.kernel} | {run.landlock_abi} | {run.python} | {run.user} | {own} | {shared} |")
    return "\n".join(lines)


def _summary(rows: Sequence[Row]) -> str:
    possible = [row for row in rows if row.results.get(CONTROL) == ESCAPED]
    stopped = [row for row in possible if row.results.get("standard") == STOPPED]
    isolated = [row for row in possible if "isolated" in row.results]
    both = f", isolated {sum(row.results['isolated'] == STOPPED for row in isolated)} of {len(isolated)}"
    return f"{len(possible)}, standard {len(stopped)}{both if isolated else ''}"


def by_theme(run: Run) -> str:
    """Return how many techniques each configuration stops, by theme."""
    modes = {
        "kernel": "kernel layers alone",
        "standard": "`standard`",
        "isolated": "`isolated`",
        "hook": "hook in C alone",
        "python-hook": "hook in Python alone",
    }
    lines = [f"| theme | techniques | {' | '.join(modes.values())} |", "|---" * (len(modes) + 2) + "|"]
    for theme, title in THEMES.items():
        rows = [row for row in run.own if row.theme == theme and row.results.get(CONTROL) == ESCAPED]
        stopped = [str(sum(row.results.get(mode) == STOPPED for row in rows)) for mode in modes]
        lines.append(f"| {title} | {len(rows)} | {' | '.join(stopped)} |")
    return "\n".join(lines)


def _theme(run: Run, theme: str) -> str:
    rows = [row for row in run.own if row.theme == theme]
    head = f"\n## {THEMES[theme].capitalize()}\n\n| technique | what it does | alone | kernel | standard | isolated |"
    return "\n".join([head, "|---|---|---|---|---|---|", *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    if row.results.get(CONTROL) != ESCAPED:
        return f"| {row.name} | {row.what} | needs a newer Python |  |  |  |"
    alone = "".join(letter for mode, letter in LETTERS.items() if row.results.get(mode) == STOPPED)
    kernel = "stopped" if row.results.get("kernel") == STOPPED else "**open**"
    return f"| {row.name} | {row.what} | {alone} | {kernel} | {_by(row, 'standard')} | {_by(row, 'isolated')} |"


def _by(row: Row, tier: str) -> str:
    result = row.results.get(tier)
    if result != STOPPED:
        return "" if result is None else "**not stopped**"
    named = row.refusals.get(tier, "")
    alone = [NAMES.get(layer, layer) for layer in ORDER if row.results.get(layer) == STOPPED]
    if named == "deadline" and not {"seccomp", "Landlock"} & set(alone):
        return named  # and not what had held before the time was up
    if named not in ("", "kernel", "deadline"):
        return named
    return next(iter(alone), named or "stopped")


def _shared(run: Run) -> str:
    if not run.shared:
        return ""
    head = "\n## A catalogue of others\n\nCases that were written before this sandbox, against prototypes of it.\n"
    table = ["| case | what it does | standard | isolated |", "|---|---|---|---|"]
    return "\n".join([head, *table, *map(_shared_line, run.shared)])


def _shared_line(row: Row) -> str:
    what = row.what.replace("|", "\\|")
    if row.results.get(CONTROL) != ESCAPED:
        return f"| {row.name} | {what} | cannot be done on this Python |  |"
    return f"| {row.name} | {what} | {_by(row, 'standard')} | {_by(row, 'isolated')} |"


def _left_out(run: Run) -> str:
    """Say what opens when exactly one layer is missing, with the hook and when that is disarmed."""
    if not any(f"without {layer}" in row.results for row in run.own for layer in NEEDED):
        return ""
    lines = [
        "\n## What opens without one layer\n",
        LEFT_OUT,
        "| without | opens | opens for whoever disarms the hook |",
    ]
    lines.append("|---|---|---|")
    for layer in NEEDED:
        opens = [row.name for row in run.own if _opens(row, layer)]
        only = [row.name for row in run.own if _is_the_only_one(row, layer)]
        lines.append(f"| {LONG[layer]} | {_listed(opens)} | {_listed(only)} |")
    return "\n".join(lines)


LEFT_OUT = """*opens*: tried with all other layers in place, the hook in C among them. *for whoever disarms the hook*:
those that this layer alone stops and no other layer of the kernel's does.
"""


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "nothing"


def _is_the_only_one(row: Row, layer: str) -> bool:
    if row.results.get(CONTROL) != ESCAPED or layer not in SINGLE:
        return False
    return [mode for mode in SINGLE if row.results.get(mode) == STOPPED] == [layer]


LONG = {
    "process": "closed descriptors, an empty environment",
    "rlimits": "resource limits",
    "privileges": "no capabilities, no new privileges",
    "landlock": "Landlock",
    "seccomp": "seccomp",
    "hook": "audit hook",
}


def _opens(row: Row, layer: str) -> bool:
    held = row.results.get(CONTROL) == ESCAPED and row.results.get("kernel") == STOPPED
    return held and row.results.get(f"without {layer}") == ESCAPED


def _differences(main: Run, runs: Sequence[Run]) -> str:
    found = [line for run in runs if run is not main for line in _differing(main, run)]
    head = f"\n## Where other runs differ\n\nFrom Python {main.python} as {main.user}, in what was tried in both.\n"
    return "\n".join([head, *(found or ["- nowhere"])]) + "\n"


def _differing(main: Run, run: Run) -> Iterator[str]:
    reference = {row.name: row for row in (*main.own, *main.shared)}
    for row in (*run.own, *run.shared):
        other = reference.get(row.name)
        if other is not None and other.results.get(CONTROL) == ESCAPED and row.results.get(CONTROL) != ESCAPED:
            yield f"- Python {run.python}, {run.user}: {row.name} cannot be done at all"
            continue
        for mode, result in row.results.items():
            known = other is not None and mode in other.results and mode != CONTROL
            if other is not None and known and other.results[mode] != result:
                yield f"- Python {run.python}, {run.user}: {row.name}, {mode}: {result}"
        new = other is not None and other.results.get(CONTROL) != ESCAPED and row.results.get(CONTROL) == ESCAPED
        if new:
            stopped = all(row.results.get(mode) in (STOPPED, None) for mode in ("kernel", "standard", "isolated"))
            outcome = "stopped" if stopped else "**open**"
            yield f"- Python {run.python}, {run.user}: {row.name} can be done, and is {outcome}"
