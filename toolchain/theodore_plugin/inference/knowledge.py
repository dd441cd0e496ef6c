"""The capability map together with summaries: one answer to "what can this foreign name do?".

A library that the map describes is answered by the map alone: a person looked at it. Every other library is
answered by its summary, if there is one, and is unknown otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from theodore_plugin.distributions.environment import Environment
from theodore_plugin.distributions.model import Distribution
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.capabilities import CapabilityMap, Effect, Library
from theodore_plugin.inference.summaries.model import Summary, SummaryClass, SummaryEffect
from theodore_sdk.info import PermissionType

_MAX_HOPS = 16
_ALONE = frozenset({"theodore_sdk"})
"""Imports nothing but the standard library, whatever the distribution it comes in requires."""
ON_IMPORT = "<import>"
"""The capability map's name for what importing a library does."""


@dataclass(frozen=True, slots=True)
class ImportEffect:
    """Something that importing a module of a dependency does."""

    effect: Effect
    target: str | None
    within: tuple[Step, ...]


class Knowledge:
    """Answers like a :class:`CapabilityMap`, from the map and from summaries."""

    def __init__(
        self, base: CapabilityMap, summaries: Iterable[Summary] = (), environment: Environment | None = None
    ) -> None:
        self.base = base
        self.environment = environment
        """Where dependencies are installed: says which of them are, or need, machine code."""
        self.values = base.values
        self.safe = base.safe
        self.libraries = base.libraries
        self.returns = _Returns(self)
        self._roots: dict[str, Callable[[], _Summarised]] = {}
        self._owners: dict[str, _Summarised | None] = {}
        self._canonical: dict[str, str] = {}
        self._imports: dict[str, tuple[ImportEffect, ...]] = {}
        for summary in summaries:
            self.add(summary.roots, lambda summary=summary: summary)  # type: ignore[misc]

    def add(self, roots: Iterable[str], load: Callable[[], Summary]) -> None:
        """Take in a distribution; its summary is loaded when one of its names is asked for."""
        known: list[_Summarised] = []

        def loaded() -> _Summarised:
            if not known:
                known.append(_Summarised(load()))
            return known[0]

        self._roots.update(dict.fromkeys(roots, loaded))
        self._owners.clear()
        self._canonical.clear()

    def _summarised(self, path: str) -> _Summarised | None:
        """Return what is summarised about the library of ``path``; the map goes first."""
        if not self._roots:
            return None
        root = path.partition("(")[0]
        if root not in self._owners:
            self._owners[root] = None if self.base.library(root) else self._longest(root)
        return self._owners[root]

    def _longest(self, root: str) -> _Summarised | None:
        while root:
            if root in self._roots:
                return self._roots[root]()
            root = root.rpartition(".")[0]
        return None

    def canonical(self, path: str) -> str:
        """Follow re-exports and attributes to where a name is defined, if that is one place."""
        if not self._roots:
            return self.base.canonical(path)
        known = self._canonical.get(path)
        if known is None:
            known = self._canonical[path] = self._defined(path)
        return known

    def _defined(self, path: str) -> str:
        for _ in range(_MAX_HOPS):
            summarised = self._summarised(path)
            if summarised is None:
                return self.base.canonical(path)
            found = summarised.follow(path)
            if found is None or found == path:
                return path
            path = found
        return path

    def alternatives(self, path: str) -> tuple[str, ...]:
        """Return what a name stands for if that is several things."""
        summarised = self._summarised(path)
        found = summarised.leads(path) if summarised else ()
        return found if len(found) > 1 else ()

    def is_module(self, path: str) -> bool:
        """Whether ``path`` is a module."""
        summarised = self._summarised(path)
        return path in summarised.summary.roots if summarised else self.base.is_module(path)

    def library(self, path: str) -> Library | None:
        """Return the library that holds ``path``; ``None`` when nothing is known of it."""
        summarised = self._summarised(path)
        return summarised.library if summarised else self.base.library(path)

    def explicit(self, path: str) -> tuple[Effect, ...]:
        """Effects listed for exactly this name."""
        summarised = self._summarised(path)
        return summarised.effects(path) if summarised else self.base.explicit(path)

    def held(self, path: str) -> tuple[Effect, ...]:
        """Effects that a bare reference to this name counts as having."""
        summarised = self._summarised(path)
        return summarised.effects(path) if summarised else self.base.held(path)

    def of_call(self, path: str) -> tuple[Effect, ...]:
        """Effects of calling a name."""
        summarised = self._summarised(path)
        return summarised.effects(path) if summarised else self.base.of_call(path)

    def of_import(self, module: str) -> tuple[ImportEffect, ...]:
        """Effects of importing a module: of a summarised library its own, and those of all it requires."""
        known = self._imports.get(module)
        if known is None:
            summarised = self._summarised(module)
            own = summarised.of_import(module) if summarised else ()
            known = self._imports[module] = (*own, *self._of_requirements(module))
        return known

    def _of_requirements(self, module: str) -> Iterator[ImportEffect]:
        """Machine code, and what the map says of imports, in the library and whatever it requires.

        That all of it is loaded is assumed: most libraries import what they require when they are imported.
        """
        if self.environment is None or module.partition(".")[0] in _ALONE:
            yield from _described_import(self.base, module)
            return
        said = False
        for distribution in required(self.environment, module):
            for root in distribution.roots:
                yield from _described_import(self.base, root)
            if distribution.native and not said:
                said = True
                step = Step(f"machine code of {distribution.name}", Location(distribution.native[0]))
                yield ImportEffect(Effect(PermissionType.NATIVE, "import", acts=False), None, (step,))

    def gaps(self, module: str) -> int:
        """Return how many files of a summarised distribution were not analysed."""
        summarised = self._summarised(module)
        return len(summarised.summary.gaps) if summarised else 0

    def is_capable(self, path: str) -> bool:
        """Whether some attribute of ``path`` has an effect."""
        summarised = self._summarised(path)
        if summarised is None:
            return self.base.is_capable(path)
        return path in summarised.summary.roots and bool(summarised.summary.effects)

    def leads_on(self, path: str) -> bool:
        """Whether something is known of ``path`` or of what is reached through it."""
        summarised = self._summarised(path)
        return summarised.knows(path) if summarised else self.base.leads_on(path)

    def within(self, path: str, effect: Effect) -> tuple[Step, ...]:
        """Return how a summarised name comes to have an effect."""
        summarised = self._summarised(path)
        return summarised.within(path, effect) if summarised else ()


def required(environment: Environment, module: str) -> Iterator[Distribution]:
    """Iterate over the distribution that serves an import, and all it requires, nearest first."""
    found = environment.owner(module)
    pending = deque([found] if found is not None else [])
    seen = {distribution.name for distribution in pending}
    while pending:
        distribution = pending.popleft()
        yield distribution
        for name in distribution.requires:
            further = None if name in seen else environment.distribution(name)
            seen.add(name)
            if further is not None:
                pending.append(further)


def _described_import(base: CapabilityMap, module: str) -> Iterator[ImportEffect]:
    for effect in base.explicit(f"{module.partition('.')[0]}.{ON_IMPORT}"):
        target = effect.target[1:] if effect.target else None
        yield ImportEffect(effect, target, (Step(f"imports {module}", Location(f"{module.replace('.', '/')}.py")),))


class _Summarised:
    """One summary, arranged for looking up."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.library = Library(summary.roots[0] if summary.roots else "", summary.distribution, None)
        self._of_unit: dict[str, list[SummaryEffect]] = {}
        for effect in summary.effects:
            for unit in effect.reasons:
                self._of_unit.setdefault(unit, []).append(effect)
        self._effects: dict[str, tuple[Effect, ...]] = {}
        self._origin: dict[tuple[str, Effect], tuple[SummaryEffect, str]] = {}

    def follow(self, path: str) -> str | None:
        """Replace what a path starts with by the one thing it leads to."""
        found = self._attribute(path)
        if found is not None:
            return found
        end = len(path)
        while end > 0:
            prefix = path[:end]
            leads = self.leads(prefix)
            if len(leads) == 1:
                return leads[0] + path[end:]
            end = max(prefix.rfind("."), prefix.rfind("("))
        return None

    def leads(self, path: str) -> tuple[str, ...]:
        """Return what a name stands for, if that is something else."""
        return self.summary.leads.get(self._plain(path), ())

    def _attribute(self, path: str) -> str | None:
        """Send an attribute that a class does not define to the class above it that does."""
        owner, dot, name = path.rpartition(".")
        described = self._class(owner)
        if not dot or described is None or name in described.members:
            return None
        suffix = "()" if owner.endswith("()") else ""
        for above in described.above:
            higher = self.summary.classes.get(above)
            if higher is None or name in higher.members:
                return f"{above}{suffix}.{name}"
        return None

    def _class(self, path: str) -> SummaryClass | None:
        return self.summary.classes.get(path.removesuffix("()"))

    def _plain(self, path: str) -> str:
        """Name a method by its definition, however it is reached."""
        owner, dot, name = path.rpartition(".")
        return f"{owner[:-2]}.{name}" if dot and owner.endswith("()") and self._class(owner) else path

    def knows(self, path: str) -> bool:
        """Whether anything is said about a path or about what is reached through it."""
        plain = self._plain(path)
        summary = self.summary
        return (
            path in summary.roots or plain in summary.names or plain in summary.returns or self._class(path) is not None
        )

    def effects(self, path: str) -> tuple[Effect, ...]:
        """Effects of a name."""
        known = self._effects.get(path)
        if known is None:
            units = self.summary.names.get(self._plain(path), ())
            known = self._effects[path] = tuple(self._read(path, units))
        return known

    def _read(self, path: str, units: Iterable[str]) -> Iterable[Effect]:
        found: dict[Effect, None] = {}
        for unit in units:
            for item in self._of_unit.get(unit, ()):
                effect = _effect(item)
                found.setdefault(effect)
                self._origin.setdefault((path, effect), (item, unit))
        return found

    def within(self, path: str, effect: Effect) -> tuple[Step, ...]:
        """Return the way from a name to the act."""
        known = self._origin.get((path, effect))
        return tuple(step.step() for step in known[0].chain(known[1])) if known else ()

    def of_import(self, module: str) -> tuple[ImportEffect, ...]:
        """Effects of importing one of its modules."""
        found: dict[Effect, ImportEffect] = {}
        for body in self.summary.imports.get(module, ()):
            for item in self._of_unit.get(body, ()):
                steps = tuple(step.step() for step in item.chain(body))
                effect = _effect(item)
                found.setdefault(effect, ImportEffect(effect, item.target, steps))
        return tuple(found.values())


def _effect(item: SummaryEffect) -> Effect:
    target = None if item.target is None else f"={item.target}"
    return Effect(PermissionType(item.permission), item.access, target, acts=item.acts)


class _Returns:
    """What calls give, asked like a mapping."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def get(self, path: str) -> tuple[str, ...] | None:
        """Return what calling ``path`` gives, ``None`` where nothing is said."""
        summarised = self._knowledge._summarised(path)
        if summarised is None:
            return self._knowledge.base.returns.get(path)
        return summarised.summary.returns.get(summarised._plain(path))
