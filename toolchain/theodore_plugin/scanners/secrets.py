"""Secrets in everything the project holds as text: source, settings, data, documentation, tests.

detect-secrets' detectors run in the sandbox over a copy of the texts under names of ours; no configuration, baseline
or comment of the target is obeyed, nothing is verified over the network, and only positions come back
(:mod:`~theodore_plugin.scanners.secrets_driver`). Whether a position counts is decided here
(:mod:`~theodore_plugin.scanners.secrets_judgement`). No finding ever holds a secret.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.project.texts import UNREADABLE, decoded
from theodore_plugin.scanners.hermetic import CleanTree, ToolRun, run_command
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.secrets_judgement import Text, findings, sighted
from theodore_plugin.scanners.tool_failure import tool_failure

DRIVER = Path(__file__).with_name("secrets_driver.py")
HELP = "revoke it, and ask for it in the configuration or as an environment variable; a stand-in should look like one"
_REPRODUCE = "to reproduce: python -I -m detect_secrets scan --all-files --no-verify ."
_CONFIGURATION = (".cfg", ".cnf", ".conf", ".ini", ".properties", ".toml", ".yaml", ".yml", ".json", ".js", ".py")
"""Suffixes that make a difference to a detector; a name of ours keeps those and no other."""
_ASSIGNMENTS = (".env", ".netrc", ".pypirc", ".npmrc")
"""Files that are lines of ``NAME=value`` without quotes."""

Found = tuple[str, int, int, int]


class SecretsScanner:
    """Wraps detect-secrets."""

    name = "secrets"
    distribution = "detect-secrets"
    per_file = True
    ttl_seconds: float | None = None

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every file that is not left out of the project altogether."""
        project = context.project
        return (
            *(file.path for file in project.files),
            *(text.path for text in project.texts),
            *(entry.path for entry in project.not_texts),
        )

    def fingerprint(self, context: ScanContext) -> str | None:
        """Nothing but the files decides."""
        return "1"

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run the detectors over a copy of every text and judge what they find."""
        texts = _texts(context.project)
        if not texts:
            coverage = Coverage.account(self.name, self.given(context), _left_out(context.project))
            return ScannerResult((), coverage, _lost(coverage), skipped=True, detail="no text")
        with TemporaryDirectory(prefix="theodore-check-") as folder:  # of its own: other tools need not see these files
            copy = CleanTree(Path(folder) / "texts", tree.scratch, (), tree.stop)
            argv = [sys.executable, "-I", str(_driver(copy)), str(_request(copy, texts))]
            run = run_command(argv, name=self.name, tree=copy, timeout=context.timeout_seconds)
        answers = _parse(run, texts)
        if answers is None:
            return failed(self.name, self.given(context), tool_failure(self.name, run, _REPRODUCE), sandbox=run.sandbox)
        account = [*_account(texts, answers), *_left_out(context.project)]
        coverage = Coverage.account(self.name, self.given(context), account)
        return ScannerResult(tuple(_findings(texts, answers)), coverage, _lost(coverage), sandbox=run.sandbox)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the detectors found in one file, or why they could not look."""

    found: tuple[Found, ...] = ()
    error: str = ""


def _texts(project: PluginProject) -> tuple[Text, ...]:
    source = (Text(file.path, file.data.decode("utf-8", "replace"), True) for file in project.files)
    return (*source, *(Text(text.path, decoded(text.data), text.shipped) for text in project.texts))


def _driver(tree: CleanTree) -> Path:
    """Put the driver where the sandbox lets the interpreter read it."""
    driver = tree.root.with_name(DRIVER.name)
    driver.write_bytes(DRIVER.read_bytes())
    return driver


def _request(tree: CleanTree, texts: tuple[Text, ...]) -> Path:
    """Write the copy, each file under its number, so that no name of the target's means anything to the tool."""
    tree.root.mkdir()
    for number, text in enumerate(texts):
        (tree.root / _name(number, text)).write_text(text.text, encoding="utf-8", errors="replace", newline="")
    names = [[_name(number, text), not text.path.endswith(".py")] for number, text in enumerate(texts)]
    request = tree.root.with_name("texts.json")
    request.write_text(json.dumps({"folder": str(tree.root), "files": names}))
    return request


def _name(number: int, text: Text) -> str:
    name = text.path.rsplit("/", 1)[-1].lower()
    suffix = next((suffix for suffix in _CONFIGURATION if name.endswith(suffix)), ".txt")
    return f"{number}{'.cfg' if name.startswith(_ASSIGNMENTS) else suffix}"


def _parse(run: ToolRun, texts: tuple[Text, ...]) -> list[_Answer] | None:
    """Return one answer for each text, or ``None`` if this is not what the driver prints."""
    if not run.finished(0):
        return None
    try:
        answers = json.loads(run.completed.stdout)["files"]
        by_name = {answer["name"]: answer for answer in answers}
        return [_answer(by_name.get(_name(number, text)), text) for number, text in enumerate(texts)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _answer(answer: Mapping[str, Any] | None, text: Text) -> _Answer:
    if answer is None:
        return _Answer(error="detect-secrets did not mention it")
    if "error" in answer:
        return _Answer(error=str(answer["error"]) or "not looked at")
    found = tuple((str(name), int(line), int(start), int(end)) for name, line, start, end in answer["found"])
    lines = text.text.count("\n") + 1
    if any(not 1 <= line <= lines or not 0 <= start < end for _, line, start, end in found):
        raise ValueError("a place that is none")
    return _Answer(found)


def _account(texts: tuple[Text, ...], answers: list[_Answer]) -> Iterator[Covered]:
    for text, answer in zip(texts, answers, strict=True):
        yield Covered(text.path, State.FAILED, answer.error) if answer.error else Covered(text.path)


def _left_out(project: PluginProject) -> Iterator[Covered]:
    for entry in project.not_texts:
        yield Covered(entry.path, State.FAILED if entry.reason == UNREADABLE else State.SKIPPED, entry.reason)


def _lost(coverage: Coverage) -> tuple[Failure, ...]:
    if not coverage.failed:
        return ()
    lost = ", ".join(f"{entry.path} ({entry.reason})" for entry in coverage.failed[:5])
    return (Failure(f"{len(coverage.failed)} file(s) could not be searched for secrets: {lost}", _REPRODUCE),)


def _findings(texts: tuple[Text, ...], answers: list[_Answer]) -> Iterator[Finding]:
    for text, answer in zip(texts, answers, strict=True):
        yield from findings(text, sighted(text, answer.found), HELP)
