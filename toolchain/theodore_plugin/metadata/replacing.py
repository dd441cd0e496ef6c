"""What could make the plugin class, or its metadata method, another one at run time than the one that is read.

Metadata is read from one method of one class without running anything. Whatever could put something else in
their place is reported, even where it happens not to: nobody but an interpreter could tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnClass, OwnModule, module_level
from theodore_plugin.finding import Location
from theodore_plugin.metadata.plugin_class import ancestors, binds

METHOD = "get_plugin_info"
HARMLESS_METACLASSES = frozenset({"abc.ABCMeta"})
HARMLESS_DECORATORS = frozenset({"dataclasses.dataclass", "typing.final", "typing_extensions.final"})
MAKES_OTHERS = frozenset({"__getattribute__", "__init_subclass__", "__new__"})
"""Methods that decide what the class, its attributes or its objects are."""
IDENTITY = frozenset({"__bases__", "__class__"})
SETTERS = frozenset({"setattr", "delattr", "object.__setattr__", "type.__setattr__"})
NAMESPACES = frozenset({"globals", "locals", "vars"})


@dataclass(frozen=True, slots=True)
class Replacement:
    """What replaces, and where."""

    what: str
    location: Location


@dataclass(frozen=True, slots=True)
class Subject:
    """The plugin class and the method that is read, with the class that defines it."""

    names: Names
    plugin: OwnClass
    owner: OwnClass
    method: m.Function
    nodes: tuple[tuple[m.ModuleFacts, m.Node], ...]
    """Assignments, deletions and calls of the whole project."""

    @property
    def lineage(self) -> list[OwnClass]:
        """The class and its own ancestors."""
        return ancestors(self.names, self.plugin)[0]


def replacement(names: Names, plugin: OwnClass, owner: OwnClass, method: m.Function) -> Replacement | None:
    """Return the first thing found that could replace the class or the method."""
    subject = Subject(names, plugin, owner, method, tuple(_acts(names)))
    checks = (_definition(subject), _rebound(subject), _made_otherwise(subject), _written(subject))
    return next((found for check in checks for found in check), None)


def _definition(subject: Subject) -> Iterator[Replacement]:
    """Find decorators, second definitions and conditions on the method."""
    here = subject.method.name_span.at(subject.owner.module.path)
    if subject.method.decorators:
        yield Replacement(f"{METHOD}() is decorated", here)
    bodies = [module_level(item.node.body) for item in subject.lineage]
    bound = [statement for body in bodies for statement in body if binds(statement, METHOD)]
    own = sum(1 for statement in module_level(subject.owner.node.body) if binds(statement, METHOD))
    patched = any(isinstance(node, m.Assign) and binds(node, METHOD) for _, node in subject.nodes)
    if patched or own != 1 or bound[0] is not subject.method or subject.method not in subject.owner.node.body:
        yield Replacement(f"{METHOD} is defined more than once, conditionally, or replaced", here)


def _rebound(subject: Subject) -> Iterator[Replacement]:
    """Find what else binds the class's name in its module."""
    plugin = subject.plugin
    name = plugin.node.name
    here = plugin.node.name_span.at(plugin.module.path)
    top = list(module_level(plugin.module.body))
    if [statement for statement in top if binds(statement, name)] != [plugin.node]:
        yield Replacement(f"{name} is bound more than once", here)
    for node in m.walk(plugin.module.body):
        declared = isinstance(node, m.Scope) and node.kind == "global" and name in node.names
        if declared or _captures(node, name):
            yield Replacement(f"{name} is bound more than once", node.span.at(plugin.module.path))
    for star in subject.names.stars(plugin.module.module or ""):
        if star.span > plugin.node.span:
            yield Replacement(f"a star import after {name} may bind it again", star.span.at(plugin.module.path))


def _captures(node: m.Node, name: str) -> bool:
    """Whether a statement other than an assignment binds a name anywhere: walrus, ``with``, ``except``, ``case``."""
    if isinstance(node, m.NamedExpr):
        return m.dotted(node.target) == name
    if isinstance(node, m.With):
        return any(target is not None and m.dotted(target) == name for _, target in node.items)
    if isinstance(node, m.Handler):
        return node.name == name
    return isinstance(node, m.MatchCase) and any(capture.id == name for capture in node.captures)


def _made_otherwise(subject: Subject) -> Iterator[Replacement]:
    """Find decorators, metaclasses and methods that decide what the class is."""
    for cls in subject.lineage:
        for decorator in cls.node.decorators:
            if _foreign(subject.names, cls, decorator) not in HARMLESS_DECORATORS:
                yield Replacement(f"class {cls.node.name} is decorated", decorator.span.at(cls.module.path))
        for base in cls.node.bases:
            meta = base.keyword == "metaclass" and _foreign(subject.names, cls, base.value) not in HARMLESS_METACLASSES
            if meta or base.keyword == "**":
                yield Replacement(f"class {cls.node.name} has a metaclass of its own", base.span.at(cls.module.path))
        for statement in module_level(cls.node.body):
            for name in MAKES_OTHERS:
                if binds(statement, name):
                    yield Replacement(
                        f"{cls.node.name}.{name} decides what is used", statement.span.at(cls.module.path)
                    )


def _foreign(names: Names, cls: OwnClass, expression: m.Expr) -> str | None:
    callee = expression.callee if isinstance(expression, m.Call) else expression
    meaning = names.resolve_expression(cls.module, callee)
    return meaning.path if isinstance(meaning, Foreign) else None


def _written(subject: Subject) -> Iterator[Replacement]:
    """Find writes through names in strings, namespaces, and the identity of the class or its objects."""
    for facts, node in subject.nodes:
        if isinstance(node, m.Call) and m.dotted(node.callee) in SETTERS and _is_ours(subject, facts, node):
            yield Replacement("attributes of the plugin class are set by name", node.span.at(facts.path))
        for target in node.targets if isinstance(node, (m.Assign, m.Delete)) else ():
            own = any(facts is item.module for item in subject.lineage)
            if own and isinstance(target, m.Attribute) and target.attr in IDENTITY:
                yield Replacement(f"{target.attr} is replaced", target.span.at(facts.path))
            if isinstance(target, m.Subscript) and _may_be(subject, facts, target):
                yield Replacement("a namespace is written by name", target.span.at(facts.path))


def _is_ours(subject: Subject, facts: m.ModuleFacts, call: m.Call) -> bool:
    """Whether ``setattr`` may hit the method: by its name on anything, or by a computed name on the class."""
    if len(call.arguments) < 2:
        return any(argument.keyword in {"*", "**"} for argument in call.arguments)
    named = _constant(call.arguments[1].value)
    if named is not None:
        return named == METHOD
    return _holds_them(subject, facts, call.arguments[0].value)


def _may_be(subject: Subject, facts: m.ModuleFacts, target: m.Subscript) -> bool:
    """Whether a namespace is written under the name of the class or the method, or theirs under a computed one."""
    value = target.value
    if isinstance(value, m.Call) and m.dotted(value.callee) in NAMESPACES:
        owner = value.arguments[0].value if value.arguments else None
    elif isinstance(value, m.Attribute) and value.attr == "__dict__":
        owner = value.value
    else:
        return False
    named = _constant(target.index)
    if named is not None:
        return named in {METHOD, subject.plugin.node.name}
    return facts is subject.plugin.module if owner is None else _holds_them(subject, facts, owner)


def _holds_them(subject: Subject, facts: m.ModuleFacts, owner: m.Expr) -> bool:
    """Whether an expression is the plugin class, one of its ancestors, or its module."""
    meaning = subject.names.resolve_expression(facts, owner)
    if isinstance(meaning, OwnModule):
        return meaning.name == subject.plugin.module.module
    return isinstance(meaning, OwnClass) and any(meaning.node is item.node for item in subject.lineage)


def _constant(value: m.Expr) -> str | None:
    return value.value if isinstance(value, m.Constant) and isinstance(value.value, str) else None


def _acts(names: Names) -> Iterator[tuple[m.ModuleFacts, m.Node]]:
    nodes = ((facts, node) for facts in names.modules.values() for node in m.walk(facts.body))
    return ((facts, node) for facts, node in nodes if isinstance(node, (m.Assign, m.Delete, m.Call)))
