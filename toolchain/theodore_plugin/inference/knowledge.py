"""The capability map together with summaries: one answer to "what can this foreign name do?".

A library that the map describes is answered by the map alone: a person looked at it. Every other library is
answered by its summary, if there is one, and is unknown otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from theodore_plugin.finding import Step
from theodore_plugin.inference.capabilities import CapabilityMap, Effect, Library
from theodore_plugin.inference.summaries.model import Summary, SummaryEffect
from theodore_sdk.info import PermissionType

_MAX_HOPS = 16


class Knowledge:
    """Answers like a :class:`CapabilityMap`, from the map and from summaries."""

    def __init__(self, base: CapabilityMap, summaries: Iterable[Summary] = ()) -> None:
        self.base = base
        self.summaries: dict[str, Summary] = {}
        """By import root."""
        self.values = base.values
        self.safe = base.safe
        self.libraries = base.libraries
        self.returns = _Returns(self)
        self._owners: dict[str, Summary | None] = {}
        self._canonical: dict[str, str] = {}
        self._effects: dict[str, tuple[Effect, ...]] = {}
        self._within: dict[tuple[str, Effect], tuple[Step, ...]] = {}
        for summary in summaries:
            self.add(summary)

    def add(self, summary: Summary) -> None:
        """Take in what is known of one more distribution."""
        self.summaries.update(dict.fromkeys(summary.roots, summary))
        self._owners.clear()
        self._canonical.clear()

    def summary(self, path: str) -> Summary | None:
        """Return the summary that speaks of ``path``; the map goes first."""
        if not self.summaries:
            return None
        root = path.partition("(")[0]
        if root not in self._owners:
            self._owners[root] = None if self.base.library(root) else self._longest(root)
        return self._owners[root]

    def _longest(self, root: str) -> Summary | None:
        while root:
            if root in self.summaries:
                return self.summaries[root]
            root = root.rpartition(".")[0]
        return None

    def canonical(self, path: str) -> str:
        """Follow re-exports and attributes to where a name is defined, if that is one place."""
        if not self.summaries:
            return self.base.canonical(path)
        known = self._canonical.get(path)
        if known is None:
            known = self._canonical[path] = self._defined(path)
        return known

    def _defined(self, path: str) -> str:
        for _ in range(_MAX_HOPS):
            summary = self.summary(path)
            if summary is None:
                return self.base.canonical(path)
            found = _follow(summary, path)
            if found is None or found == path:
                return path
            path = found
        return path

    def alternatives(self, path: str) -> tuple[str, ...]:
        """Return what a name stands for if that is several things."""
        summary = self.summary(path)
        found = summary.leads.get(path, ()) if summary else ()
        return found if len(found) > 1 else ()

    def is_module(self, path: str) -> bool:
        """Whether ``path`` is a module."""
        summary = self.summary(path)
        return path in summary.roots if summary else self.base.is_module(path)

    def library(self, path: str) -> Library | None:
        """Return the library that holds ``path``; ``None`` when nothing is known of it."""
        summary = self.summary(path)
        return self.base.library(path) if summary is None else Library(path, summary.distribution, None)

    def explicit(self, path: str) -> tuple[Effect, ...]:
        """Effects listed for exactly this name."""
        summary = self.summary(path)
        return self.base.explicit(path) if summary is None else self._read(summary, path)

    def held(self, path: str) -> tuple[Effect, ...]:
        """Effects that a bare reference to this name counts as having."""
        return self.base.held(path) if self.summary(path) is None else self.explicit(path)

    def of_call(self, path: str) -> tuple[Effect, ...]:
        """Effects of calling a name."""
        return self.base.of_call(path) if self.summary(path) is None else self.explicit(path)

    def of_import(self, module: str) -> tuple[SummaryEffect, ...]:
        """Effects of importing a module of a summarised distribution."""
        summary = self.summary(module)
        return summary.imported.get(module, ()) if summary else ()

    def is_capable(self, path: str) -> bool:
        """Whether some attribute of ``path`` has an effect."""
        summary = self.summary(path)
        return self.base.is_capable(path) if summary is None else path in summary.roots and bool(summary.effects)

    def leads_on(self, path: str) -> bool:
        """Whether something is known of ``path`` or of what is reached through it."""
        summary = self.summary(path)
        if summary is None:
            return self.base.leads_on(path)
        return path in summary.roots or path in summary.effects or path.endswith("()") or path in summary.returns

    def within(self, path: str, effect: Effect) -> tuple[Step, ...]:
        """Return how a summarised name comes to have an effect."""
        return self._within.get((path, effect), ())

    def _read(self, summary: Summary, path: str) -> tuple[Effect, ...]:
        known = self._effects.get(path)
        if known is None:
            listed = summary.effects.get(path)
            known = self._effects[path] = tuple(self._effect(path, item) for item in listed or ())
        return known

    def _effect(self, path: str, item: SummaryEffect) -> Effect:
        target = None if item.target is None else f"={item.target}"
        effect = Effect(PermissionType(item.permission), item.access, target, acts=item.acts)
        self._within[path, effect] = tuple(step.step() for step in item.steps)
        return effect


class _Returns:
    """What calls give, asked like a mapping."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def get(self, path: str) -> tuple[str, ...] | None:
        """Return what calling ``path`` gives, ``None`` where nothing is said."""
        summary = self._knowledge.summary(path)
        return self._knowledge.base.returns.get(path) if summary is None else summary.returns.get(path)


def _follow(summary: Summary, path: str) -> str | None:
    """Replace the longest prefix that leads to one other place."""
    leads: Mapping[str, tuple[str, ...]] = summary.leads
    end = len(path)
    while end > 0:
        prefix = path[:end]
        found = leads.get(prefix)
        if found is not None and len(found) == 1:
            return found[0] + path[end:]
        end = max(prefix.rfind("."), prefix.rfind("("))
    return _inherited(leads, path)


def _inherited(leads: Mapping[str, tuple[str, ...]], path: str) -> str | None:
    """Send what an object of a summarised class does not define to the foreign class above it."""
    owner, found, name = path.partition("().")
    above = leads.get(f"{owner}().*", ()) if found else ()
    return f"{above[0]}.{name}" if above else None
