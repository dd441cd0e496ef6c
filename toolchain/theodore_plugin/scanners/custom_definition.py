"""How a scanner of one's own is run: a YAML file named on the command line, or a block of a policy.

A definition names a command, so it never comes from the project under check. The schema
(``policies/schemas/scanner.schema.json``) checks everything there is to check; what is built here cannot be wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_loader import strict_json
from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.problems import PolicyProblems, Problem
from theodore_loader.regular_file import read_beyond
from theodore_loader.sandbox.profile import MIB
from theodore_plugin.finding import Confidence, Severity
from theodore_plugin.scanners.custom_paths import JsonPath

MAX_BYTES = 256 * 1024
MEMORY_MB = 1024
STDOUT = "stdout"


class DefinitionProblems(PolicyProblems):
    """The definition cannot be used; every defect with its line and column."""

    what = "definition of a scanner"
    advice = "correct the file; docs/guide/scanners.md describes every key"


@dataclass(frozen=True, slots=True)
class Judged:
    """A level that is fixed, or read off each result and translated."""

    default: str
    path: JsonPath | None = None
    table: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Where in the tool's output findings stand."""

    file: JsonPath
    line: JsonPath
    rule: JsonPath
    message: JsonPath
    list: JsonPath
    column: JsonPath | None
    end_line: JsonPath | None
    end_column: JsonPath | None
    help: JsonPath | None
    severity: Judged
    confidence: Judged
    unanalysed: frozenset[str]
    json_lines: bool
    source: str
    """``stdout``, or the name of a file in the scratch folder."""
    first_line: int
    first_column: int


@dataclass(frozen=True, slots=True)
class Definition:
    """One scanner of the user's own."""

    name: str
    command: tuple[str, ...]
    results: Results
    version: tuple[str, ...]
    files: tuple[str, ...]
    """Globs; none for the Python files that would be shipped."""
    success: tuple[int, ...]
    environment: Mapping[str, str]
    read: tuple[str, ...]
    programs: tuple[str, ...]
    timeout_seconds: float | None
    memory_bytes: int
    subprocesses: int
    network: bool
    description: str
    documentation: str
    origin: str
    """Where it was defined, as reports say it."""
    from_policy: bool
    """Whether the policy's owner defined it, or whoever runs the check."""
    digest: str
    """SHA-256 of the definition's meaning, hex."""


def read_definition(path: Path) -> Definition:
    """Read a file. Raises DefinitionProblems with everything wrong in it, ConfigurationProblem if it cannot be read."""
    from theodore_loader.policy.validation import problems_against
    from theodore_loader.policy.yaml_reader import read_yaml

    label = path.name
    try:
        document = read_yaml(_read(path), label)
    except PolicyProblems as found:
        raise DefinitionProblems(label, found.problems) from None
    schema = (policies_dir() / "schemas" / "scanner.schema.json").read_bytes()
    problems = [
        problem._replace(message=problem.message.replace("the policy", "the definition"))
        for problem in problems_against(document, schema)
    ]
    if problems:
        raise DefinitionProblems(label, problems)
    values = {key: value for key, value in document.value.items() if key not in {"schema", "name"}}
    name = document.value["name"]
    if name in RESERVED:
        line, column = document.position(("name",))
        raise DefinitionProblems(label, [Problem(line, column, _taken(name), "choose another name")])
    return definition(name, values, label)


RESERVED = frozenset({"bandit", "mypy", "pip-audit", "secrets", "theodore", "engine"})
"""Names whose findings mean something already."""


def definition(name: str, values: Mapping[str, Any], origin: str, *, from_policy: bool = False) -> Definition:
    """Build from values that fit the schema. Raises ConfigurationProblem for a name that is taken."""
    if name in RESERVED:
        raise ConfigurationProblem(f"{origin}: {_taken(name)}", help="choose another name")
    seconds = values.get("timeout_seconds")
    return Definition(
        name=name,
        command=tuple(values["command"]),
        results=_results(values["results"]),
        version=tuple(values.get("version", ())),
        files=tuple(values.get("files", ())),
        success=tuple(values.get("success", (0,))),
        environment=dict(values.get("environment", {})),
        read=tuple(values.get("read", ())),
        programs=tuple(values.get("programs", ())),
        timeout_seconds=None if seconds is None else float(seconds),
        memory_bytes=values.get("memory_mb", MEMORY_MB) * MIB,
        subprocesses=values.get("subprocesses", 0),
        network=values.get("network", False),
        description=values.get("description", ""),
        documentation=values.get("documentation", ""),
        origin=origin,
        from_policy=from_policy,
        digest=hashlib.sha256(strict_json.canonical([name, dict(values)])).hexdigest(),
    )


def _taken(name: str) -> str:
    return f"{name!r} is the name of an analyser that is built in"


def _read(path: Path) -> bytes:
    try:
        return read_beyond(path, MAX_BYTES)  # one byte more than allowed is enough for the reader to refuse it
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationProblem(
            f"cannot read the definition of a scanner {path}: {reason}", help="name a readable file: --scanner FILE"
        ) from error


def _results(values: Mapping[str, Any]) -> Results:
    def path(key: str) -> JsonPath | None:
        return JsonPath.parse(values[key]) if key in values else None

    return Results(
        file=JsonPath.parse(values["file"]),
        line=JsonPath.parse(values["line"]),
        rule=JsonPath.parse(values["rule"]),
        message=JsonPath.parse(values["message"]),
        list=JsonPath.parse(values.get("list", "$")),
        column=path("column"),
        end_line=path("end_line"),
        end_column=path("end_column"),
        help=path("help"),
        severity=_judged(values.get("severity", Severity.WARNING.value), Severity.WARNING.value),
        confidence=_judged(values.get("confidence", Confidence.MEDIUM.value), Confidence.MEDIUM.value),
        unanalysed=frozenset(values.get("unanalysed", ())),
        json_lines=values.get("format") == "json-lines",
        source=values.get("from", STDOUT),
        first_line=values.get("first_line", 1),
        first_column=values.get("first_column", 1),
    )


def _judged(value: str | Mapping[str, Any], otherwise: str) -> Judged:
    if isinstance(value, str):
        return Judged(value)
    return Judged(value.get("default", otherwise), JsonPath.parse(value["path"]), dict(value.get("table", {})))
