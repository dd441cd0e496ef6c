"""Recall and precision of the static inference on the recorded packages: ``python tests/accuracy score [NAME ...]``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Set
from dataclasses import dataclass
from typing import Any

from scoring.claims import Answer, answer
from scoring.corpus import LABELS, Package, packages
from scoring.record import RUNTIME, Label, read_labels
from theodore_plugin.inference.capabilities import shipped_map

CLAIMS = LABELS / "claims.jsonl"


@dataclass(frozen=True, slots=True)
class Missed:
    """A recorded fact that nothing claims; ``gap`` is the unknown that was reported there, if any."""

    label: Label
    gap: str

    @property
    def kind(self) -> str:
        """``unknown`` where that was said; ``aside`` for what a described library does beside its purpose."""
        if self.gap:
            return "unknown"
        through = self.label["through"]
        return "aside" if through and shipped_map().library(through) is not None else "silent"


@dataclass(frozen=True, slots=True)
class Score:
    """How one package came out."""

    package: str
    pairs: tuple[int, int]
    """Found and recorded (package, permission)."""
    functions: tuple[int, int]
    """Found and recorded (function, permission)."""
    own: tuple[int, int]
    """The same, of what the package does itself, with no dependency in between."""
    missed: tuple[Missed, ...]
    claimed: frozenset[str]
    """Permissions claimed."""
    answer: Answer


def main(names: list[str]) -> int:
    """Print the table, then everything missed, then the precision of what is claimed."""
    labels = read_labels(RUNTIME)
    scores = [
        score(package, [label for label in labels if label["package"] == package.name])
        for package in packages()
        if not names or package.name in names
    ]
    _print_table(scores)
    _print_missed(scores)
    _print_precision(scores)
    return 0


def score(package: Package, labels: list[Label]) -> Score:
    """Compare one package's labels with what is inferred from its wheel."""
    return compare(package.name, labels, answer(package.path))


def compare(name: str, labels: list[Label], found: Answer) -> Score:
    """Compare labels with an answer."""
    pairs = {claim.permission for claim in found.claims}
    functions = {(claim.function, claim.permission) for claim in found.claims}
    wanted = {_place(label) for label in labels}
    missed = [label for label in labels if _place(label) not in functions]
    return Score(
        name,
        _recall({label["permission"] for label in labels}, pairs),
        _recall(wanted, functions),
        _recall({_place(label) for label in labels if not label["through"]}, functions),
        tuple(Missed(label, _gap(label, found)) for label in _once(missed, _place)),
        frozenset(pairs),
        found,
    )


def _recall(wanted: Set[Any], found: Set[Any]) -> tuple[int, int]:
    return len(wanted & found), len(wanted)


def _place(label: Label) -> tuple[str, str]:
    return label["function"], label["permission"]


def _once(labels: Iterable[Label], key: Callable[[Label], Hashable]) -> list[Label]:
    return list({key(label): label for label in labels}.values())


def _gap(label: Label, found: Answer) -> str:
    """Return the unknown reported where a fact was missed: in its function, or at the import it goes through."""
    for gap in found.gaps:
        if gap.function == label["function"]:
            return f"{gap.path}:{gap.line}: {gap.reason}"
    for gap in found.gaps:
        if label["through"] and gap.reason.split()[0].split(".")[0] == label["through"]:
            return f"{gap.path}:{gap.line}: {gap.reason}"
    return ""


def _print_table(scores: list[Score]) -> None:
    print("| package | (package, permission) | (function, permission) | own code alone | unknown | aside | silent |")
    print("|---|---|---|---|---|---|---|")
    for item in scores:
        counts = f"{_share(item.pairs)} | {_share(item.functions)} | {_share(item.own)}"
        print(f"| {item.package} | {counts} | {_kinds(item.missed)} |")
    totals = [_share(_sum(counts)) for counts in zip(*((x.pairs, x.functions, x.own) for x in scores), strict=True)]
    print(f"| **all {len(scores)}** | {' | '.join(totals)} | {_kinds([m for x in scores for m in x.missed])} |")


def _kinds(missed: Iterable[Missed]) -> str:
    kinds = [item.kind for item in missed]
    return " | ".join(str(kinds.count(kind)) for kind in ("unknown", "aside", "silent"))


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    listed = list(counts)
    return sum(found for found, _ in listed), sum(wanted for _, wanted in listed)


def _share(counts: tuple[int, int]) -> str:
    found, wanted = counts
    return f"{found}/{wanted} = {found / wanted:.3f}" if wanted else "0/0"


def _print_missed(scores: list[Score]) -> None:
    print("\nMissed:")
    for item in scores:
        for missed in item.missed:
            label = missed.label
            what = f"{label['permission']} {label['access']}, {label['phase']}"
            through = f" through {label['through']}" if label["through"] else ""
            print(
                f"- {item.package} {label['function']}: {what}{through} ({label['why']}) -> {missed.gap or missed.kind}"
            )


def _print_precision(scores: list[Score]) -> None:
    """A claim is right if it was seen at run time, or a person found the place that makes it so."""
    judged = {(label["package"], label["permission"]): label["true"] for label in read_labels(CLAIMS)}
    seen = {(label["package"], label["permission"]) for label in read_labels(RUNTIME)}
    claimed = [(item.package, permission) for item in scores for permission in sorted(item.claimed)]
    right = sum(claim in seen or judged.get(claim, False) for claim in claimed)
    print(f"\nPrecision of (package, permission): {_share((right, len(claimed)))}")
    for claim in sorted(set(claimed) - seen):
        if not judged.get(claim, False):
            print(f"- {'false' if claim in judged else 'not judged yet'}: {' '.join(claim)}")


if __name__ == "__main__":
    raise SystemExit(main([]))
