"""What ``theodore-plugin check`` does: find the projects, check them, show the reports, choose the exit code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from theodore_loader.errors import LoaderError
from theodore_plugin.cli.accepting import refuse_a_part, write_accepted
from theodore_plugin.cli.console import print_error, stderr, stdout, visible
from theodore_plugin.cli.failure import exit_code
from theodore_plugin.cli.fixing import Fixing, fix_all
from theodore_plugin.cli.forms import Output
from theodore_plugin.cli.keep import keep
from theodore_plugin.cli.program import Session
from theodore_plugin.cli.progress import Progress
from theodore_plugin.cli.replay import Answer, Question, emit
from theodore_plugin.cli.reporting import refuse_outputs, show_reports, write_outputs
from theodore_plugin.cli.rests_on import Foundations
from theodore_plugin.cli.screen import Screen
from theodore_plugin.engine.batch import Job, Outcome, check_all
from theodore_plugin.exit_codes import OF_VERDICT, ExitCode, strongest
from theodore_plugin.finding import Verdict
from theodore_plugin.project import PluginProject
from theodore_plugin.project.targets import find_targets
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Options, Settings

EXIT_ZERO = "--exit-zero: findings that block were reported, and the exit code is 0 all the same"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for besides the settings of the check itself."""

    paths: tuple[Path, ...]
    output_format: str = "full"
    matrix: bool = False
    exit_zero: bool = False
    write_baseline: Path | None = None
    fixing: Fixing | None = None
    outputs: tuple[Output, ...] = ()
    write_profile: Path | None = None

    @property
    def only_asks(self) -> bool:
        """Whether the run changes nothing but what ``--output`` names, so that it may be answered from what is kept."""
        return self.write_baseline is None and self.fixing is None and self.write_profile is None


def check_and_watch(asked: Asked, options: Options, session: Session) -> NoReturn:
    """Check what is asked for now and after every change, until the user interrupts."""
    from theodore_plugin.cli.watch import Watched, watch

    named = (options.policy, options.baseline, *options.capability_maps, *options.scanners)
    inputs = [Path(name) for name in named if name is not None and Path(name).is_file()]
    outputs = [*([asked.write_baseline] if asked.write_baseline else []), *(file for _, file in asked.outputs)]
    watched = Watched.of(find_targets(asked.paths), inputs, outputs)
    watch(lambda: check(asked, options, Session(session.debug)), watched, debug=session.debug)


def check(asked: Asked, options: Options, session: Session) -> int:
    """Check what is asked for and return the exit code. Raises LoaderError where there is nothing to report on."""
    started = time.time_ns()
    targets = find_targets(asked.paths)
    _refuse_beforehand(asked, options, targets)
    terms: list[Settings | None] = []
    foundations = Foundations()
    outcomes = _checked(_jobs(targets, options, terms, foundations))
    if asked.fixing:
        outcomes = _fixed(targets, outcomes, options, asked.fixing)
    if asked.write_baseline:
        outcomes = _accepted(asked.write_baseline, outcomes, terms)
    reports = [outcome for outcome in outcomes if isinstance(outcome, Report)]
    _raise_if_alone(outcomes)
    if asked.fixing and asked.fixing.diff:
        return _code(outcomes, asked)
    answer = _answer(asked, targets, outcomes, reports)
    emit(answer.out, answer.err)
    answer.files = write_outputs(reports, asked.outputs)
    if asked.write_profile:
        from theodore_plugin.cli.profiling import write_profile

        write_profile(asked.write_profile, outcomes, terms)
    if session.asked and asked.only_asks and len(reports) == len(outcomes) and foundations.carry(reports):
        _keep(session.asked, started, answer, reports, foundations)
    return answer.code


def _refuse_beforehand(asked: Asked, options: Options, targets: Sequence[Path]) -> None:
    """Raise for what could not be done in the end, before anything is checked."""
    refuse_outputs(asked.outputs)
    if asked.write_baseline:
        refuse_a_part(options)
    if asked.fixing:
        asked.fixing.refuse_wheels(targets)
        asked.fixing.refuse_writing(asked.outputs, asked.write_baseline, asked.write_profile)
    if asked.write_profile:
        from theodore_plugin.cli.profiling import refuse_no_terms

        refuse_no_terms(options, targets)


def _checked(jobs: Iterable[Job | LoaderError]) -> list[Outcome]:
    with Progress() as progress:
        return list(check_all(jobs, watch=progress.watch))


def _answer(asked: Asked, targets: Sequence[Path], outcomes: Sequence[Outcome], reports: Sequence[Report]) -> Answer:
    """Return what is printed, and the exit code."""
    out, err = Screen(stdout), Screen(stderr)
    show_reports(reports, asked.output_format, out, matrix=asked.matrix)
    if asked.output_format == "full":
        out.print(_next_step(targets, reports))
    code = _code(outcomes, asked)
    if asked.exit_zero and any(outcome.verdict is Verdict.FAIL for outcome in reports):
        err.print([EXIT_ZERO])
    return Answer(code, out.shown(), err.shown())


def _keep(
    question: Question, started_ns: int, answer: Answer, reports: Sequence[Report], foundations: Foundations
) -> None:
    """Keep the answer, the files included, for as long as it is good."""
    answer.expires = foundations.expiry(reports, datetime.now(UTC))
    if stderr.is_terminal:
        note = Screen(stderr)
        note.print(["nothing has changed since this was checked; --no-cache checks it anew"], "dim")
        answer.err += note.shown()
    keep(question, started_ns, foundations.inputs, answer)


def _fixed(targets: Sequence[Path], outcomes: Sequence[Outcome], options: Options, fixing: Fixing) -> list[Outcome]:
    """Mend what was checked, and check those projects again that are not the same any more."""
    changed = fix_all(targets, outcomes, options, fixing)
    if not changed:
        return list(outcomes)
    again = iter(_checked(_jobs(changed, options, [], Foundations())))
    return [next(again) if target in changed else outcome for target, outcome in zip(targets, outcomes, strict=True)]


def _jobs(
    targets: Sequence[Path], options: Options, terms: list[Settings | None], foundations: Foundations
) -> Iterator[Job | LoaderError]:
    """Open the projects one by one, so that no more are in memory than are under way; note the settings of each."""
    for target in targets:
        try:
            project = PluginProject.open(target)
            job = project, Settings.load(project, options)
        except LoaderError as problem:
            terms.append(None)
            yield problem
        else:
            terms.append(job[1])
            yield job
            foundations.add(job)


def _accepted(path: Path, outcomes: Sequence[Outcome], terms: Sequence[Settings | None]) -> list[Outcome]:
    pairs = zip(outcomes, terms, strict=True)
    checked = [(outcome, settings) for outcome, settings in pairs if isinstance(outcome, Report) and settings]
    return [*write_accepted(path, checked), *(outcome for outcome in outcomes if isinstance(outcome, LoaderError))]


def _raise_if_alone(outcomes: Sequence[Outcome]) -> None:
    """Raise what kept the only target from being checked; of several, say which were not, and go on."""
    problems = [outcome for outcome in outcomes if isinstance(outcome, LoaderError)]
    if len(outcomes) == 1 and problems:
        raise problems[0]
    for problem in problems:
        print_error(problem)


def _can_be_packaged(report: Report) -> bool:
    return report.verdict is Verdict.PASS and report.whole and report.project.kind != "wheel"


def _next_step(targets: Sequence[Path], reports: Sequence[Report]) -> Iterator[str]:
    if len(targets) == len(reports) == 1 and _can_be_packaged(reports[0]):
        yield visible(f"next: theodore-plugin package{'' if targets[0] == Path() else f' {targets[0]}'}")


def _code(outcomes: Sequence[Outcome], asked: Asked) -> ExitCode:
    """Return the code that wins; findings that are not to count leave the word to what else there is."""
    codes = OF_VERDICT | {Verdict.FAIL: ExitCode.PASS} if asked.exit_zero else OF_VERDICT
    return strongest(exit_code(o) if isinstance(o, LoaderError) else codes[o.verdict] for o in outcomes)
