"""A scanner of one's own: any command, over a copy of the files it asks for, in the sandbox of all scanners."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.project import PluginProject
from theodore_plugin.project.texts import UNREADABLE
from theodore_plugin.scanners.custom_answer import Answer, Unusable, read_answer
from theodore_plugin.scanners.custom_definition import STDOUT, Definition
from theodore_plugin.scanners.custom_globs import matcher
from theodore_plugin.scanners.custom_identity import TooMany, identity
from theodore_plugin.scanners.hermetic import OUTPUT_BYTES, CleanTree, Room, ToolRun, run_command, write_inside
from theodore_plugin.scanners.plugins import site_packages
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.tool_failure import tool_failure

_VERSION_SECONDS = 20.0
_VERSION_CHARACTERS = 80


@dataclass(frozen=True)
class CustomScanner:
    """Runs what a :class:`Definition` says."""

    definition: Definition
    per_file = False
    ttl_seconds: float | None = None
    distribution = ""
    """The tool may be anything; it says its version itself."""

    @property
    def name(self) -> str:
        """The definition's."""
        return self.definition.name

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every file the definition's patterns match."""
        left_out = (entry.path for entry in self._left_out(context.project))
        return (*self._files(context.project), *left_out)

    def fingerprint(self, context: ScanContext) -> str | None:
        """Name the definition and every file it names; what is asked over the network is good for this once."""
        wanted = self.definition
        if wanted.network:
            return None
        try:
            programs = [_program(name, context.project) for name in (wanted.command[0], *wanted.programs)]
            arguments = [word for word in (*wanted.command, *wanted.version) if os.path.isabs(word)]  # noqa: PTH117
            return f"{wanted.digest} {identity([*programs, *arguments, *wanted.read], site_packages())}"
        except (ConfigurationProblem, OSError, TooMany):
            return None

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run the command and read its answer."""
        files, given = self._files(context.project), self.given(context)
        if not files:
            coverage = Coverage.account(self.name, given, self._left_out(context.project))
            return ScannerResult((), coverage, self._lost(coverage), skipped=True, detail="no files for it")
        if self.definition.network and not self._may_reach_out(context):
            return failed(self.name, given, self._no_network(context))
        try:
            return self._run(_copy(tree, self.name, files), context, files)
        except ConfigurationProblem as problem:  # the program is not there: that is not a mistake in the project
            return failed(self.name, given, Failure(f"{self.name}: {problem.message}", problem.help))

    def _may_reach_out(self, context: ScanContext) -> bool:
        return self.definition.from_policy or bool(context.settings.policy.scanner(self.name).network)

    def _no_network(self, context: ScanContext) -> Failure:
        policy = context.settings.policy.name
        reason = f"{self.name} asks for the network, and policy {policy} does not say that it may"
        return Failure(reason, f"the policy's owner writes: scanners: {{ {self.name}: {{ network: true }} }}")

    def _run(self, copy: CleanTree, context: ScanContext, files: Mapping[str, bytes]) -> ScannerResult:
        timeout = self.definition.timeout_seconds or context.timeout_seconds
        version = self._version(copy, context)
        run = self._command(self.definition.command, copy, context, timeout)
        given = self.given(context)
        answer = self._answer(run, copy, files)
        if isinstance(answer, Failure):
            return failed(self.name, given, answer, sandbox=run.sandbox)
        account = [*_account(files, answer), *self._left_out(context.project)]
        coverage = Coverage.account(self.name, given, account)
        lost = self._lost(coverage)
        return ScannerResult(answer.findings, coverage, lost, self._detail, run.sandbox, version=version)

    @cached_property
    def _detail(self) -> str:
        return f"defined in {self.definition.origin}"

    def _command(self, command: Sequence[str], copy: CleanTree, context: ScanContext, timeout: float) -> ToolRun:
        wanted = self.definition
        argv = list(_filled(command, copy, wanted.name))
        argv[0] = _program(argv[0], context.project)
        room = Room(
            sockets="outbound" if wanted.network else "none",
            subprocesses=wanted.subprocesses,
            memory_bytes=wanted.memory_bytes,
            read=wanted.read,
            execute=tuple(_program(name, context.project) for name in wanted.programs),
        )
        return run_command(argv, name=self.name, tree=copy, timeout=timeout, environment=wanted.environment, room=room)

    def _version(self, copy: CleanTree, context: ScanContext) -> str:
        if not self.definition.version:
            return ""
        run = self._command(self.definition.version, copy, context, _VERSION_SECONDS)
        said = run.completed.stdout.decode("utf-8", "replace").strip().splitlines() if run.finished(0) else []
        return said[0].removeprefix(f"{self.name} ")[:_VERSION_CHARACTERS] if said else ""

    def _answer(self, run: ToolRun, copy: CleanTree, files: Mapping[str, bytes]) -> Answer | Failure:
        if not run.finished(*self.definition.success):
            return tool_failure(self.name, run, self._by_hand)
        lines = {path: data.count(b"\n") + 1 for path, data in files.items()}
        project_path = partial(_project_path, copy, copy.scratch / self.name)
        try:
            return read_answer(self._output(run, copy), self.definition, lines, project_path)
        except Unusable as problem:
            return Failure(f"{self.name} gave an answer that cannot be used: {problem}", self._by_hand)

    def _output(self, run: ToolRun, copy: CleanTree) -> bytes:
        source = self.definition.results.source
        return run.completed.stdout if source == STDOUT else _read_own(copy.scratch / self.name / source)

    @property
    def _by_hand(self) -> str:
        places = {"{tree}": ".", "{files}": "FILES", "{scratch}": ".", "{python}": "python"}
        words = [_with(word, places) for word in self.definition.command]
        return f"to reproduce: {shlex.join(words)}; it is defined in {self.definition.origin}"

    def _files(self, project: PluginProject) -> dict[str, bytes]:
        source = {file.path: file.data for file in project.files}
        if not self.definition.files:
            return source
        matches = matcher(self.definition.files)
        everything = source | {text.path: text.data for text in project.texts}
        return {path: data for path, data in sorted(everything.items()) if matches(path)}

    def _left_out(self, project: PluginProject) -> list[Covered]:
        """Account for files it asks for and that were not taken into the project."""
        if not self.definition.files:
            return []
        matches = matcher(self.definition.files)
        entries = (entry for entry in project.not_texts if matches(entry.path))
        return [
            Covered(entry.path, State.FAILED if entry.reason == UNREADABLE else State.SKIPPED, entry.reason)
            for entry in entries
        ]

    def _lost(self, coverage: Coverage) -> tuple[Failure, ...]:
        if not coverage.failed:
            return ()
        lost = ", ".join(f"{entry.path} ({entry.reason})" for entry in coverage.failed[:5])
        return (Failure(f"{self.name} could not analyse {len(coverage.failed)} file(s): {lost}", self._by_hand),)


def _copy(tree: CleanTree, name: str, files: Mapping[str, bytes]) -> CleanTree:
    """Write the files it asks for, and nothing else, to a folder of its own; what lies beside that is not readable."""
    root = tree.root.with_name(f"{name}-copy") / "source"
    root.mkdir(parents=True)
    for path, data in files.items():
        write_inside(root, path, data)
    return CleanTree(root, tree.scratch, tuple(files), tree.stop)


def _account(files: Mapping[str, bytes], answer: Answer) -> Iterator[Covered]:
    for path in files:
        reason = answer.unanalysed.get(path)
        yield Covered(path) if reason is None else Covered(path, State.FAILED, reason)


def _filled(command: Sequence[str], copy: CleanTree, name: str) -> Iterator[str]:
    """Put the places in; ``{files}`` alone is one argument for each file."""
    paths = [str(copy.root / path) for path in copy.files]
    places = {
        "{tree}": str(copy.root),
        "{scratch}": str(copy.scratch / name),
        "{python}": sys.executable,
        "{files}": " ".join(paths),
    }
    for word in command:
        if word == "{files}":
            yield from paths
        else:
            yield _with(word, places)


def _with(word: str, places: Mapping[str, str]) -> str:
    pieces = word.replace("{{", "\0(").replace("}}", "\0)")
    for place, value in places.items():
        pieces = pieces.replace(place, value)
    return pieces.replace("\0(", "{").replace("\0)", "}")


def _program(name: str, project: PluginProject) -> str:
    """Return the program's file; one that lies in the project under check is never it.

    Unless it belongs to the environment this program itself runs in: many projects hold their own (``.venv``).

    Raises ConfigurationProblem if there is none.
    """
    name = _with(name, {"{python}": sys.executable})
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), str(Path(sys.executable).parent)]
    search = os.pathsep.join(folder for folder in folders if os.path.isabs(folder))  # noqa: PTH117 - strings
    found = shutil.which(name, path=search) if os.sep not in name else name
    if found is None or not Path(found).is_file():
        raise ConfigurationProblem(f"program not found: {name}", help="install it, or name it by its full path")
    inside = Path(found).resolve().is_relative_to(project.root.resolve())
    if inside and not Path(found).absolute().is_relative_to(Path(sys.prefix).absolute()):
        raise ConfigurationProblem(
            f"{name} lies inside the project under check, so it is not run", help="install it outside of the project"
        )
    return found


def _project_path(copy: CleanTree, start: Path, said: str) -> str | None:
    """Translate what a tool prints: an absolute path, one relative to the copy, or to the folder it ran in."""
    for base in (copy.root, start):
        path = os.path.normpath(base / said)  # lexically: nothing is looked up on disk
        if PurePosixPath(path).is_relative_to(copy.root):
            return copy.project_path(path)
    return None


def _read_own(path: Path) -> bytes:
    """Read a file the tool wrote; it may have left anything under that name, or nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise Unusable(f"{path.name}: {problem.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > OUTPUT_BYTES:
            raise Unusable(f"{path.name} is no file, or too large")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(OUTPUT_BYTES)
    finally:
        os.close(descriptor)
