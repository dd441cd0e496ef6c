"""Find the plugin class: the one class of the project that descends from an SDK base."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnClass, module_level

SDK = "theodore_sdk"
HOST_BASES = ("src.plugins", "theodore")
"""Where the ticket's samples import the base classes from; understood here, reported as host-internals-import."""
BASE_NAMES = {
    "PluginInterface": None,
    "ScraperPlugin": "scraper",
    "AIProviderPlugin": "ai_provider",
    "SearchToolPlugin": "search_tool",
    "StoragePlugin": "storage",
    "DiscoveryPlugin": "discovery",
    "TransformerPlugin": "transformer",
    "ExporterPlugin": "exporter",
    "MonitorPlugin": "monitor",
    "WebhookPlugin": "webhook",
    "SecurityPlugin": "security",
}
"""Base class to the category it stands for."""
MAX_ANCESTORS = 64


def sdk_base(path: str) -> str | None:
    """Return the bare name of the SDK base class a foreign path stands for."""
    root, _, name = path.rpartition(".")
    from_sdk = root == SDK or root.startswith(f"{SDK}.")
    from_host = any(root == host or root.startswith(f"{host}.") for host in HOST_BASES)
    return name if name in BASE_NAMES and (from_sdk or from_host) else None


def own_classes(names: Names) -> Iterator[OwnClass]:
    """Iterate over module-level classes, in module and source order."""
    for name in sorted(names.modules):
        facts = names.modules[name]
        for statement in module_level(facts.body):
            if isinstance(statement, m.Class):
                yield OwnClass(facts, statement)


def ancestors(names: Names, start: OwnClass) -> tuple[list[OwnClass], list[str]]:
    """Return own ancestors (nearest first, ``start`` included) and the foreign bases reached."""
    own: list[OwnClass] = []
    foreign: list[str] = []
    pending = [start]
    while pending and len(own) < MAX_ANCESTORS:
        current = pending.pop(0)
        if current in own:
            continue
        own.append(current)
        for argument in current.node.bases:
            if argument.keyword is not None:
                continue
            base = argument.value.value if isinstance(argument.value, m.Subscript) else argument.value
            meaning = names.resolve_expression(current.module, base)
            if isinstance(meaning, OwnClass):
                pending.append(meaning)
            else:
                foreign.append(meaning.path if isinstance(meaning, Foreign) else m.dotted(base) or "?")
    return own, foreign


def plugin_classes(names: Names) -> list[OwnClass]:
    """Return the classes that descend from an SDK base and are nobody's base themselves."""
    candidates: list[OwnClass] = []
    used_as_base: set[int] = set()
    for item in own_classes(names):
        own, foreign = ancestors(names, item)
        if not any(sdk_base(path) for path in foreign):
            continue
        candidates.append(item)
        used_as_base.update(id(parent.node) for parent in own[1:])
    return [item for item in candidates if id(item.node) not in used_as_base]


def find_method(names: Names, start: OwnClass, name: str) -> tuple[OwnClass, m.Function] | None:
    """Find a method on a class or its own ancestors."""
    for owner in ancestors(names, start)[0]:
        for statement in module_level(owner.node.body):
            if isinstance(statement, m.Function) and statement.name == name:
                return owner, statement
    return None


def binds(statement: m.Statement, name: str) -> bool:
    """Whether a statement gives ``name`` a value in its own scope."""
    if isinstance(statement, (m.Function, m.Class, m.Import, m.ImportFrom)):
        return statement.name == name
    if isinstance(statement, m.Assign):
        return any(_names_target(target, name) for target in statement.targets)
    return isinstance(statement, m.For) and _names_target(statement.target, name)


def _names_target(target: m.Expr, name: str) -> bool:
    """Whether an assignment to ``target`` binds ``name``, or replaces it on an object (``Plugin.method = …``)."""
    if isinstance(target, m.Sequence):
        return any(_names_target(item, name) for item in target.items)
    if isinstance(target, m.Starred):
        return _names_target(target.value, name)
    return (isinstance(target, m.Name) and target.id == name) or (
        isinstance(target, m.Attribute) and target.attr == name
    )
