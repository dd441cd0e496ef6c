"""``theodore-plugin policy``: show, check, test and doubt a policy, and see what it decides about a plugin."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible


@click.group(no_args_is_help=True)
def command() -> None:
    """Validate, show, test and explain policies.

    POLICY is default, strict, development, or the path of a policy file.
    """


@command.command()
@click.argument("policy", default="default")
@options.audience
@options.text_or_json
def show(policy: str, audience: str | None, output_format: str) -> None:
    """Show the effective policy and its digest.

    What a policy extends is laid under it, and defaults are spelled out. The digest covers everything that decides;
    comments, layout, reasons and order do not change it.
    """
    from theodore_loader.policy import load_policy
    from theodore_plugin.report import policy as report

    loaded = load_policy(policy).for_audience(audience)
    lines = report.json_lines(loaded) if output_format == "json" else report.text_lines(loaded)
    for line in lines:
        stdout.print(line)


def check(file: Path) -> None:
    """List everything wrong with a policy file.

    Each problem comes with line and column; the exit code is 2 if there is any.
    """
    from theodore_loader.policy import load_policy

    policy = load_policy(file)
    stdout.print(f"{file}: a usable policy, {policy.name} sha256:{policy.digest}")


_FILE = click.argument("file", type=click.Path(path_type=Path))
command.command("check")(_FILE(check))
command.command("validate", help="The same as check.")(click.argument("file", type=click.Path(path_type=Path))(check))


@command.command()
@_FILE
def test(file: Path) -> int:
    """Ask a policy the questions under its `tests` and compare the answers.

    The exit code is 1 if any answer is another one than expected, 3 if there is no test.
    """
    from theodore_plugin.cli.program import require_toolchain

    require_toolchain("policy test")
    from theodore_loader.errors import NothingToDo
    from theodore_loader.policy import load_policy
    from theodore_plugin.policies.testing import run_tests
    from theodore_plugin.report import policy_tests as report
    from theodore_plugin.rules.book import rule_book

    outcomes = list(run_tests(load_policy(file), rule_book(), _today()))
    if not outcomes:
        raise NothingToDo(f"{file} holds no tests", help="write some under `tests`; docs/policy.md shows how")
    for line in report.text_lines(outcomes):
        stdout.print(line)
    return 0 if all(outcome.as_expected for outcome in outcomes) else 1


@command.command()
@_FILE
def lint(file: Path) -> int:
    """Point out what is valid in a policy file and does not do what it seems to.

    Entries that never decide, exceptions that have ended, scanners that do not exist, permissions broader than anybody
    can mean. The exit code is 1 if there is anything to point out.
    """
    from theodore_plugin.cli.program import require_toolchain

    require_toolchain("policy lint")
    from theodore_loader.policy import load_policy
    from theodore_plugin.policies.linting import lint as doubts
    from theodore_plugin.scanners import SCANNERS

    policy = load_policy(file)
    tools = {scanner.name for scanner in SCANNERS} | policy.scanners.keys()
    remarks = doubts(policy, file.name, tools, _today())
    for remark in remarks:
        stdout.print(visible(f"{remark.place}: {remark.message} ({remark.help})"))
    if not remarks:
        stdout.print(visible(f"{file}: nothing to point out"))
    return 1 if remarks else 0


@command.command()
@click.argument("plugin", type=click.Path(path_type=Path), default=Path())
@options.check_policy
@options.audience
@options.text_or_json
def explain(plugin: Path, policy: str | None, audience: str | None, output_format: str) -> int:
    """Show everything a policy decides about a PLUGIN (folder or wheel), each with the line that decides.

    Declared and inferred permissions, limits, the levels of the rules that report something, exceptions. The exit code
    is 5 if a permission that the plugin needs is refused.
    """
    from theodore_plugin.cli.program import require_toolchain

    require_toolchain("policy explain")
    from theodore_plugin.analysis import analyse
    from theodore_plugin.policies.explaining import Subject, refused
    from theodore_plugin.policies.explaining import explain as decide
    from theodore_plugin.project import PluginProject
    from theodore_plugin.report import decisions as report
    from theodore_plugin.rules.book import rule_book
    from theodore_plugin.settings import Options, Settings

    project = PluginProject.open(plugin)
    used = Settings.load(project, Options(policy=policy, audience=audience)).policy
    decisions = list(decide(Subject(project, analyse(project, used), rule_book()), used, _today()))
    if output_format == "json":
        stdout.print(report.json_text(project.label, used, decisions), soft_wrap=True)
    else:
        for line in report.text_lines(project.label, used, decisions):
            stdout.print(line, soft_wrap=True)
    return 5 if refused(decisions) else 0


def _today() -> date:
    return datetime.now(UTC).date()
