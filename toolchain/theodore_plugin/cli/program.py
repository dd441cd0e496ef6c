"""The ``theodore-plugin`` command: a table of commands, loaded when asked for.

Starting the program imports click and nothing else; the module of a command is imported when that
command runs. A command returns its exit code (``None`` means 0) and raises for everything that goes
wrong; :func:`main` alone turns exceptions into messages and exit codes (``docs/exit-codes.md``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper

import click

from theodore_plugin import __version__
from theodore_plugin.cli.replay import Question

PROGRAM = "theodore-plugin"
DEBUG_VARIABLE = "THEODORE_PLUGIN_DEBUG"
COMPLETE_VARIABLE = "_THEODORE_PLUGIN_COMPLETE"
"""Set by the shell while it asks for completions (click's protocol)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one command lives and what it is for; ``toolchain`` marks those a base install cannot run."""

    module: str
    summary: str
    toolchain: bool = True


COMMANDS: dict[str, Entry] = {
    "new": Entry("theodore_plugin.cli.new", "Start a plugin project for one category."),
    "check": Entry("theodore_plugin.cli.check", "Check a plugin: rules, permissions, scanners, one verdict."),
    "permissions": Entry("theodore_plugin.cli.permissions", "Show what a plugin can do, and through which calls."),
    "explain": Entry("theodore_plugin.cli.explain", "Explain a rule: what it catches, why, and what to do."),
    "dev": Entry("theodore_plugin.cli.dev", "Run a plugin from its source tree while writing it."),
    "lock": Entry("theodore_plugin.cli.lock", "Lock the dependencies for everything a plugin runs on."),
    "package": Entry("theodore_plugin.cli.package", "Check, lock and build a reproducible wheel."),
    "sign": Entry("theodore_plugin.cli.sign", "Sign a wheel and the verdict about it."),
    "attest": Entry("theodore_plugin.cli.attest", "Check a signed wheel again and add your own verdict."),
    "inspect": Entry("theodore_plugin.cli.inspect", "Show what a wheel says of itself, unverified.", toolchain=False),
    "verify": Entry("theodore_plugin.cli.verify", "Verify a wheel as a host would, step by step.", toolchain=False),
    "trust": Entry("theodore_plugin.cli.trust", "Show and edit whom this machine believes.", toolchain=False),
    "instance": Entry("theodore_plugin.cli.instance", "Run a signing instance for a team."),
    "diff": Entry("theodore_plugin.cli.diff", "Show what a new version may do more than an old one."),
    "revocations": Entry(
        "theodore_plugin.cli.revocations", "Heed and sign lists of what was revoked.", toolchain=False
    ),
    "install": Entry("theodore_plugin.cli.install", "Verify a wheel and store it for loading.", toolchain=False),
    "why": Entry("theodore_plugin.cli.why", "Say why a plugin was accepted or refused.", toolchain=False),
    "usage": Entry("theodore_plugin.cli.usage", "Say which plugins use a name of the SDK.", toolchain=False),
    "uninstall": Entry("theodore_plugin.cli.uninstall", "Forget that a plugin is installed.", toolchain=False),
    "run": Entry("theodore_plugin.cli.run", "Call one method of an installed plugin in its sandbox.", toolchain=False),
    "ps": Entry("theodore_plugin.cli.ps", "Show what running hosts run.", toolchain=False),
    "top": Entry("theodore_plugin.cli.top", "Watch what running plugins use.", toolchain=False),
    "logs": Entry("theodore_plugin.cli.logs", "Show what a plugin said, or what it did.", toolchain=False),
    "cache": Entry("theodore_plugin.cli.cache", "Show or remove what is kept between runs."),
    "advisories": Entry("theodore_plugin.cli.advisories", "Keep known vulnerabilities on this machine."),
    "policy": Entry("theodore_plugin.cli.policy", "Validate and show policies.", toolchain=False),
    "schema": Entry("theodore_plugin.cli.schema", "Print the JSON Schema of a file.", toolchain=False),
}


@dataclass(slots=True)
class Session:
    """What the options before the command say."""

    debug: bool = False
    asked: Question | None = None
    """Under which the answer may be kept."""


class LazyGroup(click.Group):
    """A group whose commands are named in :data:`COMMANDS` and imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a plugin's life, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its ``command``."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if entry.toolchain:
            require_toolchain(cmd_name)
        command: click.Command = import_module(entry.module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command named by the first argument; a misspelt one names its nearest neighbour."""
        misspelt = args and not args[0].startswith("-") and args[0] not in COMMANDS
        if misspelt and not ctx.resilient_parsing:  # the shell that completes a line wants no word on what is wrong
            raise click.UsageError(f"no command named {args[0]!r}{_nearest(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
@click.option("--debug", is_flag=True, help=f"Show tracebacks ({DEBUG_VARIABLE}=1 does the same).")
@click.pass_obj
def cli(session: Session, debug: bool) -> None:
    """Check, package, sign, verify and safely run plugins of Theodore."""
    session.debug = session.debug or debug


def main(args: Sequence[str] | None = None, asked: Question | None = None) -> int:
    """Run the command line and return its exit code; never a traceback unless debugging was asked for."""
    _open_closed_streams()
    session = Session(os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}, asked)
    if isinstance(sys.stdout, TextIOWrapper):
        # an ASCII terminal shows an escape where it has no letter, instead of ending the command
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = _dispatch(list(sys.argv[1:] if args is None else args), session)
        sys.stdout.flush()
    except BaseException as problem:
        from theodore_plugin.cli.ending import ending

        return ending(problem, debug=session.debug)
    return result if isinstance(result, int) else 0


def _dispatch(arguments: list[str], session: Session) -> object:
    """Parse and run; unlike click's own ``main`` this leaves a closed pipe to be recognised as one."""
    if COMPLETE_VARIABLE in os.environ:
        cli.main(arguments, prog_name=PROGRAM)
    try:
        with cli.make_context(PROGRAM, arguments, obj=session) as context:
            return cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _open_closed_streams() -> None:
    """Give a process that was started without standard streams the null device (`>&-`).

    The next file opened would take the place of a missing one, and be written to as if it were the terminal.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as we run


def require_toolchain(command: str) -> None:
    """Refuse a command that needs the analysers where only the loader is installed."""
    if find_spec("libcst") is not None:
        return
    from theodore_loader.errors import ConfigurationProblem

    raise ConfigurationProblem(
        f"`theodore-plugin {command}` needs the toolchain, and only the loader is installed here",
        help='pip install "theodore-plugin[toolchain]"',
    )


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
