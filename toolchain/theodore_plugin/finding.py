"""The core vocabulary: a rule says *what can be wrong*, a finding says *where it is*.

A finding cannot be built without a location, and a rule's name is its file, its test, its docs
anchor, its suppression key and its config key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad. ``INCOMPLETE`` belongs to the engine: something was not looked at."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"
    INCOMPLETE = "incomplete"


class Confidence(StrEnum):
    """How sure. Only errors of high or medium confidence block by default."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Silencer(StrEnum):
    """Who may suppress a rule: the author inline, only the policy owner, or nobody."""

    INLINE = "inline"
    POLICY = "policy"
    NOBODY = "nobody"


class Verdict(StrEnum):
    """The three answers of a check. Incomplete never looks like pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in the input. ``path`` is relative to the project, POSIX style; lines and columns count from 1."""

    path: str
    line: int = 1
    column: int = 1
    end_line: int | None = None
    end_column: int | None = None

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("a location names a file")
        if self.line < 1 or self.column < 1:
            raise ValueError(f"lines and columns count from 1, got {self.line}:{self.column}")

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Step:
    """One hop of an evidence chain: what happens there, and where."""

    label: str
    location: Location


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect at one place.

    ``message`` says what is wrong here; ``help`` says what to do; ``evidence`` is the call chain, outermost
    first; ``subject`` is the qualified name the finding is about (stable key for baselines); ``related``
    holds native ids of wrapped tools.
    """

    rule: str
    severity: Severity
    confidence: Confidence
    location: Location
    message: str
    help: str | None = None
    evidence: tuple[Step, ...] = ()
    subject: str | None = None
    related: tuple[str, ...] = ()
    source: str = field(default="theodore")
    """Which analyser reported it: ``theodore``, ``bandit``, ``mypy``, ``pip-audit``."""

    def __post_init__(self) -> None:
        if not isinstance(self.location, Location):
            raise TypeError(f"{self.rule}: a finding needs a Location, got {type(self.location).__name__}")
        if not self.rule or not self.message:
            raise ValueError("a finding names its rule and says what is wrong")

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Deterministic report order: by place, then by rule."""
        return (self.location.path, self.location.line, self.location.column, self.rule, self.message)


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of plugin source that must (or must not) trigger a rule; documentation and test at once."""

    code: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule file declares about itself; docs pages and smoke tests are generated from it."""

    name: str
    severity: Severity
    confidence: Confidence
    silencer: Silencer
    summary: str
    why: str
    remedy: str
    bad: tuple[Example, ...] = ()
    good: tuple[Example, ...] = ()
