"""Code of the plugin that other programs find and run, once an installer has seen the wheel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import PYPROJECT

SCRIPTS = {"scripts": "console_scripts", "gui-scripts": "gui_scripts"}
"""Tables of ``[project]`` with a name of their own, and the group each stands for (PyPA *Entry points*)."""

RULE = Rule(
    name="foreign-entry-point",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The distribution registers commands, or entry points that other programs load.",
    why="A host needs none: it loads the class that the manifest names. Where the wheel is installed by pip, a command "
    "lands on the user's path and a group such as pytest11 is imported by that program, without any sandbox.",
    remedy="Remove the table; publish a command or a plugin for another program as a distribution of its own.",
    bad=(
        Example(f'# file: pyproject.toml\n{PYPROJECT}\n[project.scripts]\nls = "demo.plugin:main"\n', "a command"),
        Example(
            f'# file: pyproject.toml\n{PYPROJECT}\n[project.entry-points.pytest11]\ndemo = "demo.plugin"\n',
            "imported by every run of pytest",
        ),
    ),
    good=(
        Example(f"# file: pyproject.toml\n{PYPROJECT}", "no entry points"),
        Example(f"# file: pyproject.toml\n{PYPROJECT}\n[project.scripts]\n", "an empty table"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report every entry point once."""
    for group, name, target in entry_points(context.project):
        what = f"the command {name}" if group in SCRIPTS.values() else f"{name} in the group {group}"
        where = context.project.locate(f"{name} =", f"{name}=", target)
        yield report(RULE, where, f"{what} runs {target} outside the host", subject=f"{group}:{name}")


def entry_points(project: PluginProject) -> Iterator[tuple[str, str, str]]:
    """Iterate over group, name and target of everything the distribution registers."""
    for table, group in SCRIPTS.items():
        for name, target in _strings(project.table.get(table)):
            yield group, name, target
    groups = project.table.get("entry-points")
    for group, entries in groups.items() if isinstance(groups, Mapping) else ():
        for name, target in _strings(entries):
            yield group, name, target


def _strings(table: object) -> Iterator[tuple[str, str]]:
    if isinstance(table, Mapping):
        yield from ((str(name), target) for name, target in table.items() if isinstance(target, str))
