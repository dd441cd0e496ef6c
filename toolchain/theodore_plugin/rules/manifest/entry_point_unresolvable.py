"""An entry point that names something that is not there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import module_level
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.metadata.plugin_class import binds
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import PYPROJECT
from theodore_plugin.rules.packaging.foreign_entry_point import entry_points

_REFERENCE = re.compile(
    r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?::\s*(?P<object>[^\W\d]\w*(?:\.[^\W\d]\w*)*))?\s*(?:\[.*\])?"
)
"""An object reference (PyPA *Entry points specification*), extras and all."""
_SCRIPT = f"# file: pyproject.toml\n{PYPROJECT}\n[project.scripts]\n"

RULE = Rule(
    name="entry-point-unresolvable",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="An entry point names a module, class or function that the plugin does not have.",
    why="Whoever follows it gets an ImportError, after the installation went well.",
    remedy='Write "package.module:name" of something that is there.',
    bad=(
        Example(f'{_SCRIPT}demo = "demo.cli:main"\n', "no such module"),
        Example(f'{_SCRIPT}demo = "demo.plugin:Dmo"\n', "no such class"),
    ),
    good=(
        Example(f'{_SCRIPT}demo = "demo.plugin:Demo"\n', "it is there"),
        Example(f'{_SCRIPT}demo = "httpx:main"\n', "of a dependency, which is not looked into"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Follow every entry point into the plugin's own modules."""
    for group, name, target in entry_points(context.project):
        found = _problem(context, target)
        if found:
            problem, help_text = found
            where = context.project.locate(f"{name} =", f"{name}=", target)
            yield report(RULE, where, f"{name} in {group}: {problem}", help_text, subject=f"{group}:{name}")


def _problem(context: RuleContext, target: str) -> tuple[str, str | None] | None:
    """Say what is wrong with a reference and what was meant, if anything is wrong."""
    reference = _REFERENCE.fullmatch(target.strip())
    if reference is None:
        return f"{target!r} is not module:object", None
    module, name = reference["module"], (reference["object"] or "").partition(".")[0]
    if not _is_ours(context, module):
        return None
    facts = context.names.modules.get(module)
    if facts is None and not context.names.is_own(module):
        return f"there is no module {module}", _nearest(module, context.names.modules)
    if not name or context.names.is_own(f"{module}.{name}") or (facts is not None and _may_have(facts, name)):
        return None
    known = context.names.bound_names(module)
    return f"{module} has no {name}", _nearest(name, known)


def _is_ours(context: RuleContext, module: str) -> bool:
    """Whether the plugin ships the top-level package, and all of what is inside could be read."""
    root = module.split(".", 1)[0]
    unread = {*(failure.path for failure in context.failures), *(gap.path for gap in context.project.unreadable)}
    inside = any(root in path.split("/") or path.endswith(f"{root}.py") for path in unread)
    return not inside and (root in context.names.modules or context.names.is_own(root))


def _may_have(facts: m.ModuleFacts, name: str) -> bool:
    """Whether a module binds a name, or can come by it in a way that is not visible here."""
    level = list(module_level(facts.body))
    stars = any(isinstance(node, m.ImportFrom) and node.attribute == "*" for node in level)
    computed = any(binds(node, "__getattr__") for node in level) or any(
        isinstance(node, m.Name) and node.id in {"globals", "exec", "setattr"} for node in m.walk(facts.body)
    )
    return stars or computed or any(_binds(node, name) for node in level)


def _binds(node: m.Statement, name: str) -> bool:
    if isinstance(node, m.With):
        return any(isinstance(target, m.Name) and target.id == name for _, target in node.items)
    return binds(node, name)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else None
