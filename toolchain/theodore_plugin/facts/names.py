"""What a name at a module's top level stands for, across the plugin's own modules.

This is the cheap, exact half of resolution: definitions, imports (absolute, relative, re-exported,
starred) and constants. Values that flow through calls and attributes are the inference's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from theodore_plugin.facts import model as m

MAX_HOPS = 32
"""Re-exports followed before giving up; import cycles end here too."""


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A class defined in ``module``."""

    module: m.ModuleFacts
    node: m.Class


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A function defined in ``module``."""

    module: m.ModuleFacts
    node: m.Function


@dataclass(frozen=True, slots=True)
class OwnModule:
    """One of the plugin's own modules or packages."""

    name: str


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A module-level assignment."""

    module: m.ModuleFacts
    node: m.Expr


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something outside the plugin, by its dotted path as imported."""

    path: str


Meaning = OwnClass | OwnFunction | OwnModule | OwnValue | Foreign


class Names:
    """Resolves names over a set of modules. Build it once per project."""

    def __init__(self, modules: Mapping[str, m.ModuleFacts]) -> None:
        self.modules = modules
        self._packages = {name.rsplit(".", depth)[0] for name in modules for depth in range(1, name.count(".") + 1)}
        self._bindings = {name: _bindings(facts.body) for name, facts in modules.items()}
        self._stars = {name: tuple(star_imports(facts.body)) for name, facts in modules.items()}

    def resolve(self, module: m.ModuleFacts, name: str, hops: int = 0) -> Meaning | None:
        """Return what the bare ``name`` stands for in ``module``, or ``None`` when nothing binds it."""
        if module.module is None or hops > MAX_HOPS:
            return None
        binding = self._bindings.get(module.module, {}).get(name)
        if binding is None:
            return self._from_stars(module, name, hops)
        return self._meaning(module, binding, hops)

    def resolve_expression(self, module: m.ModuleFacts, expression: m.Expr) -> Meaning | None:
        """Return what a chain of attributes stands for, or ``None``."""
        if isinstance(expression, m.Name):
            return self.resolve(module, expression.id)
        if not isinstance(expression, m.Attribute):
            return None
        base = self.resolve_expression(module, expression.value)
        return self.member(base, expression.attr) if base else None

    def member(self, base: Meaning, attribute: str, hops: int = 0) -> Meaning | None:
        """Return what ``base.attribute`` stands for, for modules and foreign things."""
        if isinstance(base, Foreign):
            return Foreign(f"{base.path}.{attribute}")
        if not isinstance(base, OwnModule):
            return None
        facts = self.modules.get(base.name)
        found = self.resolve(facts, attribute, hops + 1) if facts else None
        return found or self._module(f"{base.name}.{attribute}")

    def path(self, module: m.ModuleFacts, expression: m.Expr) -> str | None:
        """Return the foreign dotted path an expression stands for; an unbound bare name is its own path."""
        meaning = self.resolve_expression(module, expression)
        if isinstance(meaning, Foreign):
            return meaning.path
        root = m.dotted(expression)
        if meaning is None and root and self.resolve(module, root.split(".", 1)[0]) is None:
            return root
        return None

    def bound_names(self, module: str) -> Mapping[str, m.Statement]:
        """Top-level bindings of a module: the last statement that binds each name."""
        return self._bindings.get(module, {})

    def stars(self, module: str) -> tuple[m.ImportFrom, ...]:
        """Module-level star imports of a module."""
        return self._stars.get(module, ())

    def is_own(self, name: str) -> bool:
        """Whether a dotted name is one of the plugin's modules or packages."""
        return name in self.modules or name in self._packages

    def absolute(self, module: m.ModuleFacts, node: m.ImportFrom) -> str:
        """Absolute dotted name a ``from`` import refers to (PEP 328)."""
        if not node.level:
            return node.module
        parts = (module.module or "").split(".")
        keep = len(parts) - node.level + (1 if module.is_package else 0)
        return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])

    def foreign_imports(self, module: m.ModuleFacts, node: m.Node) -> tuple[str, ...]:
        """Foreign modules an import statement names; own and relative ones are left out."""
        if isinstance(node, m.Import):
            return () if self.is_own(node.target) else (node.target,)
        if isinstance(node, m.ImportFrom) and not node.level:
            source = self.absolute(module, node)
            return () if self.is_own(source) or source == "__future__" else (source,)
        return ()

    def _meaning(self, module: m.ModuleFacts, binding: m.Statement, hops: int) -> Meaning | None:
        if isinstance(binding, m.Class):
            return OwnClass(module, binding)
        if isinstance(binding, m.Function):
            return OwnFunction(module, binding)
        if isinstance(binding, m.Import):
            target = binding.target if binding.aliased else binding.name
            return self._module(target) or Foreign(target)
        if isinstance(binding, m.ImportFrom):
            return self._imported(self.absolute(module, binding), binding.attribute, hops)
        if isinstance(binding, m.Assign) and binding.value is not None:
            alias = self.resolve_expression_alias(module, binding.value, hops)
            return alias or OwnValue(module, binding.value)
        return None

    def resolve_expression_alias(self, module: m.ModuleFacts, value: m.Expr, hops: int) -> Meaning | None:
        """Follow ``X = Y`` and ``X = a.b`` where the right side stands for something itself."""
        if isinstance(value, m.Name):
            return self.resolve(module, value.id, hops + 1)
        if isinstance(value, m.Attribute):
            base = self.resolve_expression_alias(module, value.value, hops)
            return self.member(base, value.attr, hops) if base else None
        return None

    def _imported(self, source: str, attribute: str, hops: int) -> Meaning | None:
        package = self._module(source)
        if package is None:
            return Foreign(f"{source}.{attribute}")
        return self.member(package, attribute, hops)

    def _module(self, name: str) -> OwnModule | None:
        return OwnModule(name) if self.is_own(name) else None

    def _from_stars(self, module: m.ModuleFacts, name: str, hops: int) -> Meaning | None:
        """Look behind ``from own import *``; a foreign star import binds nothing that can be known here."""
        for node in self.stars(module.module or ""):
            source = self.modules.get(self.absolute(module, node))
            found = self.resolve(source, name, hops + 1) if source else None
            if found:
                return found
        return None


def star_imports(body: m.Block) -> Iterator[m.ImportFrom]:
    """Iterate over the module-level star imports of a block."""
    return (node for node in module_level(body) if isinstance(node, m.ImportFrom) and node.attribute == "*")


def module_level(body: m.Block) -> Iterator[m.Statement]:
    """Iterate over statements that run in the block's own scope, through ``if``, ``try``, loops and ``with``."""
    for statement in body:
        yield statement
        for block in nested_blocks(statement):
            yield from module_level(block)


def nested_blocks(statement: m.Statement) -> tuple[m.Block, ...]:
    """Blocks of a compound statement that share the scope around it."""
    if isinstance(statement, (m.If, m.For, m.While)):
        return (statement.body, statement.orelse)
    if isinstance(statement, m.With):
        return (statement.body,)
    if isinstance(statement, m.Try):
        return (statement.body, *(handler.body for handler in statement.handlers), statement.orelse, statement.final)
    if isinstance(statement, m.Match):
        return tuple(case.body for case in statement.cases)
    return ()


def _bindings(body: m.Block) -> dict[str, m.Statement]:
    bound: dict[str, m.Statement] = {}
    for statement in module_level(body):
        if isinstance(statement, (m.Function, m.Class)) or (
            isinstance(statement, (m.Import, m.ImportFrom)) and statement.name != "*"
        ):
            bound[statement.name] = statement
        elif isinstance(statement, m.Assign) and not statement.augmented:
            for target in statement.targets:
                if isinstance(target, m.Name):
                    bound[target.id] = statement
    return bound
