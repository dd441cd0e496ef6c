"""Read a project's metadata: the plugin class, and the literal its ``get_plugin_info`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, module_level
from theodore_plugin.finding import Location
from theodore_plugin.metadata.construct import Builder, Problem
from theodore_plugin.metadata.evaluate import Evaluator, InvalidValue, NotLiteral, Place
from theodore_plugin.metadata.plugin_class import find_method, plugin_classes
from theodore_plugin.metadata.replacing import METHOD, replacement
from theodore_plugin.project import PluginProject
from theodore_sdk.info import PluginInfo


@dataclass(frozen=True, slots=True)
class MetadataReading:
    """What could be read. ``info`` is ``None`` whenever a problem prevents a complete reading."""

    info: PluginInfo | None = None
    plugin_class: str | None = None
    """Entry point of the plugin, ``module:Class``."""
    plugin: OwnClass | None = None
    locations: Mapping[str, Location] = field(default_factory=dict)
    """JSON pointer (``/permissions/0/pattern``) to where the value is written; ``""`` is the whole literal."""
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of ``PluginInfo`` that could be read; complete exactly when ``info`` is there."""

    @property
    def entry_classes(self) -> tuple[str, ...]:
        """The classes the host calls, ``module:Class``: the plugin class and every class it provides."""
        provided = self.values.get("provides", {}).values()
        return tuple(name for name in (self.plugin_class, *provided) if name is not None)

    def where(self, pointer: str) -> Location | None:
        """Return the location of a pointer or of its nearest enclosing value."""
        while pointer and pointer not in self.locations:
            pointer = pointer.rpartition("/")[0]
        return self.locations.get(pointer)


def read_metadata(project: PluginProject, names: Names) -> MetadataReading:
    """Find the plugin class and read its metadata; problems are values, nothing is raised."""
    found = plugin_classes(names)
    if len(found) != 1:
        return MetadataReading(problems=(_not_one(project, names, found),))
    plugin = found[0]
    entry = f"{plugin.module.module}:{plugin.node.name}"
    returned = _returned(names, plugin)
    if isinstance(returned, Problem):
        return MetadataReading(None, entry, plugin, problems=(returned,))
    builder, info = _evaluate(names, returned)
    locations = builder.evaluator.locations
    return MetadataReading(info, entry, plugin, locations, tuple(builder.problems), builder.readable)


def _not_one(project: PluginProject, names: Names, found: list[OwnClass]) -> Problem:
    if found:
        listing = " and ".join(f"{item.node.name} ({item.module.path}:{item.node.name_span.line})" for item in found)
        second = found[1]
        return Problem(
            "manifest-ambiguous",
            second.node.name_span.at(second.module.path),
            f"a distribution holds one plugin, found {len(found)}: {listing}",
            "keep one plugin class per distribution, or make one inherit from the other",
        )
    path = min((facts.path for facts in names.modules.values()), default=project.project_file)
    return Problem(
        "manifest-missing",
        Location(path),
        "no class here descends from a theodore_sdk base class such as ScraperPlugin",
        "define one, or start from: theodore-plugin new NAME --category scraper",
    )


def _returned(names: Names, plugin: OwnClass) -> Place | Problem:
    found = find_method(names, plugin, METHOD)
    if found is None:
        return Problem(
            "manifest-missing",
            plugin.node.name_span.at(plugin.module.path),
            f"{plugin.node.name} has no {METHOD}()",
            f"add a {METHOD}() that returns a literal PluginInfo(...)",
        )
    owner, method = found
    replaced = replacement(names, plugin, owner, method)
    if replaced is not None:
        what = f"{replaced.what}, so what runs may not be what is read"
        return Problem("metadata-not-literal", replaced.location, what, "define it once, plainly")
    returns = [statement for statement in module_level(method.body) if isinstance(statement, m.Return)]
    if len(returns) == 1 and returns[0].value is not None and returns[0] in method.body:
        return Place(owner.module, returns[0].value)
    where = returns[1].span if len(returns) > 1 else method.name_span
    return Problem(
        "metadata-not-literal",
        where.at(owner.module.path),
        f"{METHOD}() must consist of one unconditional return of a literal, it has {len(returns)} return statements",
        "return PluginInfo(...) directly",
    )


def _evaluate(names: Names, place: Place) -> tuple[Builder, PluginInfo | None]:
    problems: list[Problem] = []
    builder = Builder(problems)
    evaluator = Evaluator(names, builder.build)
    builder.evaluator = evaluator
    try:
        value = evaluator.value(place, "")
    except NotLiteral as problem:
        message = f"the plugin's metadata is computed: {problem.what}"
        problems.append(Problem("metadata-not-literal", problem.location, message, "return PluginInfo(...) directly"))
        value = None
    except InvalidValue as problem:
        problems.append(Problem(problem.rule, problem.location, problem.message, problem.help))
        value = None
    if not isinstance(value, PluginInfo):
        if not problems:
            problems.append(Problem("manifest-invalid", place.location, "get_plugin_info() must return a PluginInfo"))
        return builder, None
    return builder, value
