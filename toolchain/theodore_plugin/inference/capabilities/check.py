"""Prove the capability map: ``python -m theodore_plugin.inference.capabilities.check [--python EXE] [FILE ...]``.

The map must fit its schema, be consistent (``consistency``), and speak about names and arguments that exist in the real
modules of the given Python, as far as they are installed there (``probe``). Names that are said to exist on other
versions or systems only are left out. Prints what was checked, and one line per problem; exits 1 if there is one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_plugin.inference.capabilities.consistency import Problem, problems_of, unresolved
from theodore_plugin.inference.capabilities.sources import shipped_files
from theodore_plugin.inference.capabilities.tables import BELOW, Described, argument, names_of, returns_of

PROBE = Path(__file__).with_name("probe.py")
PROBE_SECONDS = 600
DESCRIBING = "<"
"""Names with this are descriptions, not names."""


@dataclass(frozen=True, slots=True)
class Question:
    """A name the map says exists, with the arguments it says the name takes."""

    name: str
    module: str
    arguments: tuple[tuple[int | None, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the real module says."""

    question: Question
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and what it is."""

    executable: str
    version: tuple[int, ...]
    platform: str
    modules: frozenset[str]
    """Its standard library's."""

    @classmethod
    def of(cls, executable: str) -> Interpreter:
        """Ask an executable."""
        code = "import sys; print(*sys.version_info[:2]); print(sys.platform); print(*sys.stdlib_module_names)"
        told = subprocess.run([executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
        version, platform, modules = told.stdout.split("\n")[:3]
        return cls(executable, tuple(int(part) for part in version.split()), platform, frozenset(modules.split()))

    def has(self, *tables: Mapping[str, Any]) -> bool:
        """Tell whether names with these ``since``, ``until`` and ``platform`` exist here."""
        for table in tables:
            if table.get("platform", self.platform) != self.platform:
                return False
            if "since" in table and self.version < _version(table["since"]):
                return False
            if "until" in table and self.version > _version(table["until"]):
                return False
        return True


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def read_libraries(paths: Iterable[Path]) -> list[Described]:
    """Read the libraries of several files as one list."""
    return [described for path in paths for described in tomllib.loads(path.read_text("utf-8")).get("library", ())]


def harmless_modules(paths: Iterable[Path]) -> list[str]:
    """Read the harmless modules of several files."""
    return [name for path in paths for name in tomllib.loads(path.read_text("utf-8")).get("harmless", ())]


def consistency(libraries: Sequence[Described], beside: Sequence[Described] = ()) -> list[Problem]:
    """Return every inconsistency of libraries, which may lead to others ``beside`` them."""
    modules = {described["module"] for described in libraries}
    others = [described for described in beside if described["module"] not in modules]
    return [*problems_of(libraries), *unresolved([*libraries, *others])]


def questions(libraries: Iterable[Described], python: Interpreter) -> Iterator[Question]:
    """Iterate over everything the map says exists on this Python."""
    for described in libraries:
        # versions of a third-party entry are its distribution's, not Python's
        if "distribution" in described or python.has(described):
            yield from _of_library(described, python)


def _of_library(described: Described, python: Interpreter) -> Iterator[Question]:
    module = described["module"]
    yield Question(module, module)
    for table in described.get("effects", ()):
        if "distribution" not in described and not python.has(table):
            continue
        told = [argument(table[key]) for key in ("argument", "mode") if key in table]
        for name in names_of(module, table):
            yield Question(name, module, tuple(told))
    plain = [f"{module}.{name}" for key in ("safe", "values") for name in described.get(key, ())]
    plain += [f"{module}.{name}" for names in described.get("traits", {}).values() for name in names]
    plain += [name for name, _ in returns_of(described)]
    for name in dict.fromkeys(plain):
        yield Question(name.removesuffix(BELOW), module)


def _everywhere(libraries: Iterable[Described]) -> Callable[[Question], bool]:
    """Return a test for names that must exist wherever their library does."""
    elsewhere = {f"{described['module']}.{name}" for described in libraries for name in described.get("elsewhere", ())}
    return lambda question: question.name not in elsewhere and DESCRIBING not in question.name


def ask(libraries: Sequence[Described], python: Interpreter, modules: frozenset[str] | None = None) -> list[Answer]:
    """Ask the real modules; ``modules`` restricts the libraries that are asked about."""
    asked = [
        question
        for question in filter(_everywhere(libraries), questions(libraries, python))
        if modules is None or question.module in modules
    ]
    asked.sort(key=lambda question: question.module not in python.modules)  # libraries may patch the standard one
    document = {
        "questions": [{"name": one.name, "arguments": one.arguments} for one in asked],
        "returns": {name: results[0] for described in libraries for name, results in returns_of(described)},
    }
    told = subprocess.run(
        [python.executable, "-X", "utf8", "-I", str(PROBE)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
        timeout=PROBE_SECONDS,
    )
    answers = json.loads(told.stdout)
    return [Answer(question, *found) for question, found in zip(asked, answers, strict=True)]


def importable(libraries: Iterable[Described], python: Interpreter) -> frozenset[str]:
    """Return the libraries whose module is installed for this Python."""
    modules = sorted({described["module"] for described in libraries})
    code = (
        "import importlib.util, json, sys\n"
        "def there(name):\n"
        "    try: return importlib.util.find_spec(name) is not None\n"
        "    except Exception: return False\n"
        "print(json.dumps([name for name in json.load(sys.stdin) if name == '__main__' or there(name)]))\n"
    )
    told = subprocess.run(
        [python.executable, "-I", "-c", code],
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=True,
        timeout=PROBE_SECONDS,
    )
    return frozenset(json.loads(told.stdout.splitlines()[-1]))


def main(arguments: Sequence[str]) -> int:
    """Check the shipped map, or the named files, and print the outcome."""
    executable, files = sys.executable, list(arguments)
    if files[:1] == ["--python"]:
        executable, files = files[1], files[2:]
    shipped = read_libraries(shipped_files())
    libraries = read_libraries(Path(name) for name in files) if files else shipped
    python = Interpreter.of(executable)
    problems = [f"{problem.key}: {problem.message}; {problem.remedy}" for problem in consistency(libraries, shipped)]
    answers = ask(libraries, python, importable(libraries, python))
    problems += [f"{one.question.name}: {one.reason}" for one in answers if one.verdict == "missing"]
    for line in (*problems, summary(python, answers, len(problems))):
        sys.stdout.write(f"{line}\n")
    return 1 if problems else 0


def summary(python: Interpreter, answers: Sequence[Answer], problems: int) -> str:
    """Say how much was checked."""
    found = sum(one.verdict == "found" for one in answers)
    untold = sum(one.verdict == "unverified" for one in answers)
    libraries = len({one.question.module for one in answers})
    version = ".".join(map(str, python.version))
    return (
        f"Python {version} on {python.platform}: {found} names of {libraries} libraries found, "
        f"{untold} the modules do not tell, {problems} problems"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
