"""Every decision about a plugin goes into the record: the acceptance before it takes effect, the refusal as it is told.

A host that could not decide (a damaged trust file, a file that cannot be read, a dependency that cannot be fetched) is
recorded as a refusal without a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from theodore_loader.artifact.dist_info import parse_filename
from theodore_loader.errors import ConfigurationProblem, InvalidWheel, Refused
from theodore_loader.trust.decisions import Decision, Decisions, Outcome, RecordedPurpose, Step
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.grounds import Grounds
from theodore_loader.trust.steps import NotVerified, VerifiedStep
from theodore_loader.trust.verify import Verified
from theodore_sdk.info import PluginInfo

Subject = tuple[str, str | None, str]
"""Name, version and digest."""


@dataclass(slots=True)
class Case:
    """A decision while it is being made. Whoever makes it says here what it is about, as far as it has come."""

    purpose: RecordedPurpose
    files: SignedFiles
    grounds: Grounds | None = None
    verified: Verified | None = None


class Recorder:
    """Records the decisions of one host."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    @contextmanager
    def deciding(self, purpose: RecordedPurpose, files: SignedFiles) -> Iterator[Case]:
        """Yield a case; what refuses in the block is recorded, and where that fails, says so in a note."""
        case = Case(purpose, files)
        try:
            yield case
        except (Refused, ConfigurationProblem) as problem:
            self._refuse(_refusal(case, problem), problem)
            raise
        except OSError as problem:
            self._refuse(_refusal(case, ConfigurationProblem(str(problem))), problem)
            raise

    def refuse(self, purpose: RecordedPurpose, subject: Subject, problem: Refused) -> None:
        """Record that what was accepted is refused after all; where that fails, ``problem`` says so in a note."""
        plugin, version, sha256 = subject
        decision = Decision(
            purpose=purpose,
            outcome="refused",
            message=problem.message,
            plugin=plugin,
            version=version,
            sha256=sha256,
            rule=problem.rule,
            help=problem.help,
        )
        self._refuse(decision, problem)

    def _refuse(self, decision: Decision, problem: Exception) -> None:
        try:
            self._decisions.record(decision)
        except Refused as unrecorded:
            problem.add_note(unrecorded.message)

    def accept(self, case: Case) -> None:
        """Record that what was verified is accepted. Raises ``Refused`` (``decision-not-recorded``)."""
        assert case.verified is not None  # noqa: S101 - nothing else is ever accepted
        grants = case.verified.grants.permissions
        message = f"granted {', '.join(map(str, grants)) or 'nothing'}"
        self._decisions.record(_decision(case, "accepted", message, case.verified.steps))

    def flush(self) -> None:
        """Put on disk what was recorded; the entries are with the kernel in any case."""
        with suppress(OSError, ConfigurationProblem):
            self._decisions.flush()


def _refusal(case: Case, problem: Refused | ConfigurationProblem) -> Decision:
    stopped = problem if isinstance(problem, NotVerified) else None
    steps = stopped.steps if stopped else case.verified.steps if case.verified else ()
    return _decision(
        case,
        "refused",
        problem.message,
        steps,
        rule=problem.rule if isinstance(problem, Refused) else None,
        help_=problem.help,
        stopped_at=stopped.number if stopped else None,
    )


def _decision(
    case: Case,
    outcome: Outcome,
    message: str,
    steps: tuple[VerifiedStep, ...],
    *,
    rule: str | None = None,
    help_: str | None = None,
    stopped_at: int | None = None,
) -> Decision:
    plugin, version, sha256 = _subject(case)
    return Decision(
        purpose=case.purpose,
        outcome=outcome,
        message=message,
        plugin=plugin,
        version=version,
        sha256=sha256,
        rule=rule,
        help=help_,
        stopped_at=stopped_at,
        steps=tuple(Step(step.number, step.title, step.detail, step.where) for step in steps),
        rests_on=case.grounds.digests(plugin) if case.grounds else {},
    )


def subject_of(info: PluginInfo, sha256: str) -> Subject:
    """Return what a decision about a verified wheel is about."""
    return canonicalize_name(info.name), info.version, sha256


def _subject(case: Case) -> Subject:
    """Return what is decided about: what was verified, or else what the file's name says it is."""
    if case.verified:
        return subject_of(case.verified.manifest.info, case.verified.wheel.sha256)
    digest = case.files.sha256
    try:
        identity = parse_filename(case.files.filename)
    except InvalidWheel:
        return case.files.filename, None, digest
    return identity.name, identity.version, digest
