"""The answer of ``theodore-plugin permissions`` as text and exit code, complete before anything is printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from theodore_plugin.cli.console import stderr, stdout
from theodore_plugin.cli.screen import Screen, width_of
from theodore_plugin.distributions import Environment
from theodore_plugin.distributions.model import Input
from theodore_plugin.exit_codes import ExitCode
from theodore_plugin.inference.capabilities import CapabilityMap, load_maps
from theodore_plugin.report.permission_diff import difference_lines
from theodore_plugin.report.permission_why import Question, why_trees
from theodore_plugin.report.permissions_json import difference_dict, survey_dict
from theodore_plugin.report.permissions_text import permission_lines
from theodore_plugin.report.visible import visible
from theodore_plugin.survey.diff import difference
from theodore_plugin.survey.model import Survey
from theodore_plugin.survey.subject import Where, find
from theodore_plugin.survey.survey import survey


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for; two targets ask for their difference."""

    targets: tuple[str, ...]
    why: str | None = None
    json: bool = False
    environment: Path | None = None
    download: bool = True
    capability_maps: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything one run says."""

    out: str
    err: str
    code: int
    inputs: tuple[Input, ...] | None
    """What it rests on; ``None`` if it is good for this once."""


def answer(asked: Asked) -> Answer:
    """Survey what is asked about and render it. Raises LoaderError for targets that are none."""
    question = None if asked.why is None else Question.parse(asked.why)
    environment = Environment.at(asked.environment) if asked.environment else Environment.running()
    where = Where(environment, asked.download, lambda text: stderr.print(visible(text), style="dim"))
    capabilities = load_maps(asked.capability_maps)
    surveys = [_surveyed(target, where, capabilities) for target in asked.targets]
    out, err = Screen(stdout), Screen(stderr)
    for found in surveys:
        err.print((visible(f"not analysed: {item.path} ({item.reason})") for item in found.failed), "magenta")
    if len(surveys) == 1:
        code = _show(surveys[0], question, asked, out)
    else:
        code = _compare(surveys[0], surveys[1], asked, out)
    complete = all(found.complete for found in surveys)
    code = code if complete else ExitCode.INCOMPLETE
    return Answer(out.text.getvalue(), err.text.getvalue(), code, _inputs(surveys, environment, asked.capability_maps))


def _surveyed(target: str, where: Where, capabilities: CapabilityMap) -> Survey:
    """Survey one target; a person at a terminal sees what takes the time."""
    waiting = stderr.status(f"analysing {visible(target)}") if stderr.is_terminal else nullcontext()
    with waiting:
        return survey(find(target, where), where.environment, capabilities)


def _inputs(surveys: Sequence[Survey], environment: Environment, maps: Iterable[Path]) -> tuple[Input, ...] | None:
    found = [*environment.inputs, *(("file", str(path)) for path in maps)]
    for part in surveys:
        if part.inputs is None:
            return None
        found.extend(part.inputs)
    return tuple(found)


def _show(found: Survey, question: Question | None, asked: Asked, out: Screen) -> ExitCode:
    if asked.json:
        rows = tuple(row for row in found.rows if question is None or question.asks_about(row))
        out.text.write(_json(survey_dict(replace(found, rows=rows))))
    elif question is not None:
        out.print(why_trees(found, question))
    else:
        out.print(permission_lines(found, width_of(stdout)))
    return ExitCode.PASS


def _compare(old: Survey, new: Survey, asked: Asked, out: Screen) -> ExitCode:
    found = difference(old, new)
    if asked.json:
        out.text.write(_json(difference_dict(found)))
    else:
        out.print(difference_lines(found))
    return ExitCode.FINDINGS if found.gains else ExitCode.PASS


def _json(values: dict[str, object]) -> str:
    return json.dumps(values, indent=2) + "\n"
