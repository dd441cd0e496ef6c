"""What the command line takes out of a report: rules that were not asked for, and noise below a threshold.

What stays whatever is asked: *incomplete* (something was not looked at), and the rules an organisation's policy
enforces by name. What is taken out is counted. Options that may turn a failing check into a passing one make it a
check of selected rules only (:class:`SelectionLabel`), which the report says and nothing signs:

====================  ==========================================================================================
``--select``          only these rules, groups or tools; the more specific of ``select`` and ``ignore`` wins
``--ignore``          not these
``--min-confidence``  ``high`` takes out errors of medium confidence, which block
``--min-severity``    never takes out an error, so it cannot change the verdict
persona               takes out low confidence, which never blocks
====================  ==========================================================================================

Where the project under check says such things in its own table, what blocks and is not its author's to silence stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.model import Policy, RuleSetting
from theodore_plugin.engine.licence import Licence
from theodore_plugin.finding import Confidence, Finding, Severity
from theodore_plugin.report.model import SelectionLabel, blocks

SEVERITIES = (Severity.NOTICE, Severity.WARNING, Severity.ERROR)
CONFIDENCES = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
OWN = "theodore"
"""The source of our own findings, and how our rules are selected together: ``theodore/``."""


class Scope(Enum):
    """How much a name covers; the higher value is the more specific."""

    WHOLE = 1
    """A group of rules (``permissions``), or everything of a tool (``bandit/``)."""
    BEGINNING = 2
    """``unused-*``, ``bandit/B6*``."""
    ONE = 3


@dataclass(frozen=True, slots=True)
class Named:
    """One name after ``--select`` or ``--ignore``, understood."""

    text: str
    scope: Scope
    covers: Callable[[str], bool]
    """Told a rule's name or a tool's native id."""


@dataclass(frozen=True, slots=True)
class Known:
    """What can be named: the group of each rule of ours, and the tools."""

    groups: Mapping[str, str]
    tools: Collection[str]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be reported. The default is everything."""

    select: tuple[Named, ...] = ()
    ignore: tuple[Named, ...] = ()
    min_severity: Severity = Severity.NOTICE
    min_confidence: Confidence = Confidence.LOW
    authors: bool = False
    """Whether any of this was said by the project under check."""

    @property
    def narrows(self) -> bool:
        """Whether the verdict is one over selected rules only."""
        return bool(self.select or self.ignore) or self.min_confidence is Confidence.HIGH

    @property
    def asked(self) -> tuple[str, ...]:
        """The options that narrow, as typed."""
        names = [f"--{option} {one.text}" for option in ("select", "ignore") for one in getattr(self, option)]
        return (*names, *([_CONFIDENCE.format(self.min_confidence)] if self.min_confidence is Confidence.HIGH else []))


EVERYTHING = Selection()
_CONFIDENCE = "--min-confidence {}"
_SEVERITY = "--min-severity {}"
_PERSONA = "--persona regular"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is reported, and the account of what is not."""

    findings: tuple[Finding, ...]
    hidden: int
    hidden_by: tuple[str, ...]
    label: SelectionLabel | None


def parse_selection(
    known: Known,
    policy: Policy,
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    min_severity: str | None = None,
    min_confidence: str | None = None,
    authors: bool = False,
) -> Selection:
    """Understand what the command line says, or (``authors``) the project. A name may be several, with commas between.

    Raises ConfigurationProblem for names that mean nothing and for rules the policy enforces, all of them at once.
    """
    problems: list[str] = []
    chosen = tuple(_understood("--select", _names(select), known, problems))
    left_out = tuple(_understood("--ignore", _names(ignore), known, problems))
    problems += _enforced(left_out, policy)
    if problems:
        raise ConfigurationProblem(
            "\n".join(problems),
            help="`theodore-plugin explain` lists the rules; a group is `permissions`, a tool is `bandit/`, "
            "several rules are `unused-*`",
        )
    return Selection(
        chosen,
        left_out,
        Severity(_one_of("--min-severity", min_severity or Severity.NOTICE, SEVERITIES)),
        Confidence(_one_of("--min-confidence", min_confidence or Confidence.LOW, CONFIDENCES)),
        authors,
    )


def choose(findings: Iterable[Finding], selection: Selection, licence: Licence, *, guesses: bool) -> Chosen:
    """Take out what was not asked for. ``guesses`` says whether low confidence is shown (the auditor persona)."""
    kept: list[Finding] = []
    taken: list[Finding] = []
    reasons: Counter[str] = Counter()
    for finding in findings:
        reason = None if _has_to_stay(finding, selection, licence) else _reason(finding, selection, guesses=guesses)
        if reason is None:
            kept.append(finding)
        else:
            taken.append(finding)
            reasons[reason] += 1
    label = SelectionLabel(selection.asked, len(taken), sum(map(blocks, taken))) if selection.narrows else None
    return Chosen(tuple(kept), len(taken), tuple(sorted(reasons)), label)


def _has_to_stay(finding: Finding, selection: Selection, licence: Licence) -> bool:
    if finding.severity is Severity.INCOMPLETE or is_enforced(finding.rule, licence.policy):
        return True
    return selection.authors and blocks(finding) and not licence.allows(finding.rule)


def _reason(finding: Finding, selection: Selection, *, guesses: bool) -> str | None:
    """Return the option that takes a finding out, or ``None`` if it stays."""
    named = _by_name(finding, selection)
    if named is not None:
        return named
    if CONFIDENCES.index(finding.confidence) < CONFIDENCES.index(selection.min_confidence):
        return _CONFIDENCE.format(selection.min_confidence)
    if SEVERITIES.index(finding.severity) < SEVERITIES.index(selection.min_severity):
        return _SEVERITY.format(selection.min_severity)
    return None if guesses or finding.confidence is not Confidence.LOW else _PERSONA


def _by_name(finding: Finding, selection: Selection) -> str | None:
    wanted = _closest(finding, selection.select)
    unwanted = _closest(finding, selection.ignore)
    if unwanted and (wanted is None or _precision(unwanted) >= _precision(wanted)):
        return f"--ignore {unwanted.text}"
    return "--select" if selection.select and wanted is None else None


def _closest(finding: Finding, names: Iterable[Named]) -> Named | None:
    """Return the most specific name that covers a finding."""
    covering = (one for one in names if any(map(one.covers, _called(finding))))
    return max(covering, key=_precision, default=None)


def _precision(name: Named) -> tuple[int, int]:
    return name.scope.value, len(name.text)


def _called(finding: Finding) -> tuple[str, ...]:
    """Return what a finding goes by; one that a tool made alone goes by the tool's id too, whatever it is shown as."""
    return (finding.rule,) if finding.source == OWN else (finding.rule, f"{finding.source}/", *finding.related)


def is_enforced(rule: str, policy: Policy) -> bool:
    """Return whether the policy names this rule as an error that blocks: then it is not the user's to take out."""
    setting = policy.rules.get(rule)
    return setting is not None and _blocks(setting)


def _blocks(setting: RuleSetting) -> bool:
    return setting.enforced and setting.level == Severity.ERROR


def _enforced(ignored: Iterable[Named], policy: Policy) -> Iterator[str]:
    for one in ignored:
        for rule, setting in sorted(policy.rules.items()):
            if _blocks(setting) and one.covers(rule):
                yield f"--ignore {one.text}: policy {policy.name} enforces {rule}{_place(setting)}"


def _place(setting: RuleSetting) -> str:
    return f" ({setting.location})" if setting.location else ""


def _names(given: Iterable[str]) -> Iterator[str]:
    for text in given:
        yield from (name.strip() for name in text.split(","))


def _understood(option: str, names: Iterable[str], known: Known, problems: list[str]) -> Iterator[Named]:
    for text in names:
        named = _named(text, known)
        if named is None:
            problems.append(f"{option}: {_unknown(text, known)}")
        else:
            yield named


def _named(text: str, known: Known) -> Named | None:
    if text in known.groups:
        return Named(text, Scope.ONE, text.__eq__)
    group = text.removesuffix("/")
    if group in known.groups.values():
        return Named(text, Scope.WHOLE, lambda name: known.groups.get(name) == group)
    if group == OWN:
        return Named(text, Scope.WHOLE, known.groups.__contains__)
    if group in known.tools:
        return Named(text, Scope.WHOLE, lambda name: name.startswith(f"{group}/"))
    return _beginning(text, known) if text.endswith("*") else _native(text, known)


def _beginning(text: str, known: Known) -> Named | None:
    stem = text[:-1]
    tool, slash, _ = stem.partition("/")
    exists = tool in known.tools if slash else stem and any(rule.startswith(stem) for rule in known.groups)
    return Named(text, Scope.BEGINNING, lambda name: name.startswith(stem)) if exists else None


def _native(text: str, known: Known) -> Named | None:
    """Understand ``bandit/B602``: whether the tool has such a check is not for us to know."""
    tool, _, native = text.partition("/")
    return Named(text, Scope.ONE, text.__eq__) if native.strip("/") and tool in known.tools else None


def _unknown(text: str, known: Known) -> str:
    words = [*known.groups, *known.groups.values(), *(f"{tool}/" for tool in known.tools)]
    close = get_close_matches(text[:64], words, n=1)
    return f"there is no rule, group or tool {text[:64]!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _one_of(option: str, word: str, known: Collection[str]) -> str:
    if word in known:
        return word
    raise ConfigurationProblem(f"{option}: no level {word[:64]!r}", help=f"use {', '.join(str(one) for one in known)}")
