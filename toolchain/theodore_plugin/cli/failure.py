"""Failures as the user meets them: one message, one way out, one exit code (``docs/exit-codes.md``)."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

import click

from theodore_loader.errors import ConfigurationProblem, LoaderError, NothingToDo, Refused
from theodore_plugin.cli.console import print_problem, stderr
from theodore_plugin.exit_codes import ExitCode, strongest

TOOLCHAIN_PACKAGES = frozenset({"bandit", "build", "copier", "cryptography", "libcst", "mypy", "pip_audit"})
"""Import names of the ``[toolchain]`` extra."""

_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (click.ClickException, ExitCode.USAGE),
    (ConfigurationProblem, ExitCode.USAGE),
    (NothingToDo, ExitCode.NOTHING),
    (Refused, ExitCode.REFUSED),
    (LoaderError, ExitCode.FINDINGS),
    (OSError, ExitCode.USAGE),
)
"""First match wins, so subclasses come before their bases. Anything else is a bug: nothing was established."""

_OS_HELP = {
    errno.ENOSPC: "the disk is full; free some space and run the command again (nothing half-written is kept)",
    errno.EDQUOT: "your disk quota is used up; free some space and run the command again",
    errno.EACCES: "check who owns it and its mode (`ls -ld`)",
    errno.EPERM: "check who owns it and its mode (`ls -ld`)",
    errno.EROFS: "it is on a read-only file system; name another place",
    errno.ENOENT: "check the spelling of the path",
    errno.EISDIR: "it is a folder where a file is expected; name a file, or move the folder away",
    errno.ENOTDIR: "it is a file where a folder is expected; name a folder, or move the file away",
    errno.EEXIST: "it is a file where a folder is expected; name a folder, or move the file away",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "raise the limit on file sizes (`ulimit -f`) and run the command again",
    errno.EMFILE: "raise the limit on open files (`ulimit -n`)",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell the user: what is wrong, what helps, and the rule that says so if one does."""

    message: str
    help: str | None = None
    rule: str | None = None


def explain_failure(problem: BaseException, *, debug: bool = False) -> int:
    """Print ``problem`` on stderr and return the exit code it stands for."""
    if debug:
        stderr.print("".join(traceback.format_exception(problem)), style="dim")
    if isinstance(problem, KeyboardInterrupt | click.Abort):
        stderr.print("interrupted")
        return ExitCode.INTERRUPTED
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        stderr.print(problem.format_message())
        return ExitCode.USAGE
    for part in problems(problem):
        print_problem(part.message, help=part.help, rule=part.rule)
    return exit_code(problem)


def exit_code(problem: BaseException) -> ExitCode:
    """Return the exit code of an exception; of several at once, the one with precedence."""
    if isinstance(problem, BaseExceptionGroup):
        return strongest(exit_code(inner) for inner in problem.exceptions)
    if _missing_toolchain(problem):
        return ExitCode.USAGE
    return next((code for kind, code in _CODES if isinstance(problem, kind)), ExitCode.INCOMPLETE)


def problems(problem: BaseException) -> list[Problem]:
    """Return what there is to say about an exception, every problem at once."""
    if isinstance(problem, BaseExceptionGroup):
        return [part for inner in problem.exceptions for part in problems(inner)]
    if isinstance(problem, LoaderError):
        return [Problem(problem.message, problem.help, getattr(problem, "rule", None))]
    if isinstance(problem, click.ClickException):
        return [_usage(problem)]
    if isinstance(problem, OSError):
        return [_operating_system(problem)]
    if _missing_toolchain(problem):
        return [Problem(f"this command needs the toolchain: {problem}", 'pip install "theodore-plugin[toolchain]"')]
    return [_bug(problem)]


def _usage(problem: click.ClickException) -> Problem:
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "theodore-plugin"
    return Problem(problem.format_message(), f"`{command} --help` lists what it takes")


def _operating_system(problem: OSError) -> Problem:
    reason = problem.strerror or str(problem) or type(problem).__name__
    names = [str(name) for name in (problem.filename, problem.filename2) if name is not None]
    message = f"{' -> '.join(names)}: {reason}" if names else reason
    return Problem(message, _OS_HELP.get(problem.errno or 0))


def _missing_toolchain(problem: BaseException) -> bool:
    if not isinstance(problem, ModuleNotFoundError):
        return False
    return (problem.name or "").partition(".")[0] in TOOLCHAIN_PACKAGES


def _bug(problem: BaseException) -> Problem:
    return Problem(
        f"this is a bug in theodore-plugin: {type(problem).__name__}: {problem}",
        "nothing was established about the input; run `theodore-plugin --debug …` and report the traceback",
    )
