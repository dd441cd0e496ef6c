"""Follow a plugin's dependencies: summarise those its code imports and the capability map does not describe.

What a described library needs is not followed: its description speaks for it. Of a followed distribution, what it
*requires* is followed in turn; what it merely can use (an extra, an optional import) is not, and stays unknown, as
does a library that is neither described nor installed, and one end of a cycle between distributions.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from theodore_plugin.distributions.environment import Environment
from theodore_plugin.distributions.model import Distribution
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.inference.capabilities import CapabilityMap
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.summaries.model import Summary
from theodore_plugin.inference.summaries.store import SummaryStore
from theodore_plugin.inference.summaries.summarise import summarise


@dataclass
class Followed:
    """What is known after following."""

    knowledge: Knowledge
    distributions: dict[str, Distribution] = field(default_factory=dict)
    """What was followed, by normalised name."""
    gaps: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Files of theirs that were not analysed, and why."""


def follow(names: Names, base: CapabilityMap, environment: Environment, store: SummaryStore | None = None) -> Followed:
    """Summarise what ``names`` imports, and what that imports in turn."""
    walk = _Walk(base, environment, store)
    for module in sorted(foreign_modules(names)):
        walk.module(module, None)
    if walk.made and store is not None:
        store.trim()
    return walk.followed


def foreign_modules(names: Names) -> frozenset[str]:
    """Modules outside ``names`` that any import statement in them names."""
    return frozenset(
        target
        for facts in names.modules.values()
        for node in m.walk(facts.body)
        if isinstance(node, (m.Import, m.ImportFrom))
        for target in names.foreign_imports(facts, node)
    )


class _Walk:
    def __init__(self, base: CapabilityMap, environment: Environment, store: SummaryStore | None) -> None:
        self.base = base
        self.environment = environment
        self.store = store
        self.made = False
        self.followed = Followed(Knowledge(base, environment=environment))

    def module(self, module: str, importer: Distribution | None) -> bool:
        """Make sure that what serves ``import module`` is summarised, if it is to be; say whether it is followed."""
        if self.base.library(module) is not None or module.partition(".")[0] in sys.stdlib_module_names:
            return False
        distribution = self.environment.owner(module)
        if distribution is None or (importer is not None and distribution.name not in importer.requires):
            return False
        if distribution.name not in self.followed.distributions:
            self.followed.distributions[distribution.name] = distribution
            self._take(distribution)
        return True

    def _take(self, distribution: Distribution) -> None:
        key = "" if self.store is None else self.store.key(distribution.digest, self.base.digest)
        head = None if self.store is None else self.store.head(key)
        if self.store is None or head is None:
            summary = self._made(distribution)
            if self.store is not None and not distribution.gaps:
                self.store.save(key, summary)
                self.made = True
            self.followed.knowledge.add(summary.roots, lambda: summary)
            self.followed.gaps[distribution.name] = summary.gaps
            return
        for module in head.needs:
            self.module(module, distribution)
        self.followed.knowledge.add(head.roots, lambda: self._loaded(key, distribution))
        self.followed.gaps[distribution.name] = head.gaps

    def _loaded(self, key: str, distribution: Distribution) -> Summary:
        """Read a summary when it is needed; one that was damaged in the meantime is made again."""
        found = self.store.load(key) if self.store is not None else None
        return found or self._made(distribution)

    def _made(self, distribution: Distribution) -> Summary:
        from theodore_plugin.facts.lowering import lower_dependency

        files, unreadable = distribution.read()
        facts, failures = lower_dependency(file for file in files if file.module is not None)
        names = Names({str(found.module): found for found in facts.values()})
        needs = tuple(module for module in sorted(foreign_modules(names)) if self.module(module, distribution))
        gaps = [(gap.path, gap.reason) for gap in unreadable] + [(lost.path, lost.reason) for lost in failures]
        return summarise(distribution, names, needs, gaps, self.followed.knowledge)
