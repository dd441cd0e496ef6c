"""What a rule sees, and how it reports: the same for every rule, so a rule file holds only its own question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from theodore_loader.policy import Policy
from theodore_plugin.contracts.catalogue import Catalogue, shipped_catalogue
from theodore_plugin.contracts.compare import Mismatch, compare
from theodore_plugin.contracts.members import ClassMembers
from theodore_plugin.contracts.model import Contract, Contracts
from theodore_plugin.contracts.mro import InconsistentOrder
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass
from theodore_plugin.finding import Finding, Location, Rule, Step
from theodore_plugin.inference.capabilities import CapabilityMap
from theodore_plugin.inference.model import Inference
from theodore_plugin.metadata import MetadataReading
from theodore_plugin.metadata.plugin_class import ancestors, sdk_base
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.interface.api_uses import ApiUse, api_uses
from theodore_plugin.rules.sites import Sites
from theodore_sdk.info import PluginCategory, PluginPermission
from theodore_sdk.versions import VersionRange


class RuleModule(Protocol):
    """The shape of a rule file."""

    __name__: str
    RULE: Rule

    def check(self, context: RuleContext, /) -> Iterator[Finding]:
        """Report what is wrong."""


@dataclass(frozen=True)
class RuleContext:
    """Everything known about a project; nothing here reads a file or runs code."""

    project: PluginProject
    facts: Mapping[str, m.ModuleFacts]
    """By path; files that could not be analysed are missing here and in ``failures``."""
    failures: tuple[m.FactsFailure, ...]
    names: Names
    metadata: MetadataReading
    inference: Inference
    policy: Policy
    contracts: Contracts
    """Of the newest known host."""
    capabilities: CapabilityMap
    catalogue: Catalogue = field(default_factory=shipped_catalogue)
    """Contracts of every known host."""

    @cached_property
    def declared(self) -> tuple[PluginPermission, ...]:
        """Declared permissions as far as the metadata could be read."""
        return tuple(self.metadata.values.get("permissions", ()))

    @property
    def category(self) -> PluginCategory | None:
        """The declared category as far as the metadata could be read."""
        category = self.metadata.values.get("category")
        return category if isinstance(category, PluginCategory) else None

    @cached_property
    def sites(self) -> Sites:
        """The project's syntax by kind, found in one walk for all rules."""
        return Sites(self.names, self.facts)

    @cached_property
    def api_uses(self) -> tuple[ApiUse, ...]:
        """Every use of the SDK, by symbol and place."""
        return api_uses(self)

    @property
    def declaration_is_readable(self) -> bool:
        """Whether the permission list could be read, so that "undeclared" means something."""
        return "permissions" in self.metadata.values

    @cached_property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Differences between the plugin's classes and the contracts they claim."""
        found: dict[Mismatch, list[str]] = {}
        for host in self.hosts:
            for cls, contract in self.claims(host):
                members = self.members(cls, host)
                for mismatch in compare(members, contract) if members is not None else ():
                    found.setdefault(mismatch, []).append(host.version)
        return tuple(replace(item, message=self.in_hosts(item.message, versions)) for item, versions in found.items())

    @cached_property
    def hosts(self) -> tuple[Contracts, ...]:
        """Known hosts that the plugin says it works with; the newest one where it names none that is known."""
        wanted = self.metadata.values.get("compatible_versions")
        return (self.catalogue.within(wanted) if isinstance(wanted, VersionRange) else ()) or (self.contracts,)

    def members(self, cls: OwnClass, host: Contracts | None = None) -> ClassMembers | None:
        """Return the lookup of a class's members, or ``None`` where its bases have no consistent order.

        Such a class cannot be created; ``inconsistent-mro`` says so, and nothing else can be said about it.
        """
        contracts = host or self.contracts
        key = (id(cls.node), contracts.version)
        if key not in self._members:
            try:
                self._members[key] = ClassMembers(self.names, cls, contracts.bases)
            except InconsistentOrder:
                self._members[key] = None
        return self._members[key]

    @cached_property
    def _members(self) -> dict[tuple[int, str], ClassMembers | None]:
        return {}

    def in_hosts(self, message: str, versions: Sequence[str]) -> str:
        """Say in which hosts a message holds, where it does not hold in all of them."""
        some = tuple(dict.fromkeys(versions))
        return message if len(some) == len(self.hosts) else f"{message} (host {', '.join(some)})"

    def claims(self, host: Contracts | None = None) -> Iterator[tuple[OwnClass, Contract]]:
        """Iterate over classes and the contract each claims: the plugin's base, and every provided port."""
        contracts = host or self.contracts
        plugin = self.metadata.plugin
        if plugin is not None:
            for base in self.plugin_bases():
                if base in contracts.bases:
                    yield plugin, contracts.bases[base]
        for port, target in self.metadata.values.get("provides", {}).items():
            contract, cls = contracts.ports.get(port), self.own_class(target)
            if contract is not None and cls is not None:
                yield cls, contract

    def plugin_bases(self) -> tuple[str, ...]:
        """SDK base classes the plugin class descends from."""
        plugin = self.metadata.plugin
        if plugin is None:
            return ()
        found = (sdk_base(path) for path in ancestors(self.names, plugin)[1])
        return tuple(dict.fromkeys(name for name in found if name is not None and name in self.contracts.bases))

    def own_class(self, target: str) -> OwnClass | None:
        """Find the class a ``module:Class`` text names."""
        module, _, name = target.partition(":")
        facts = self.names.modules.get(module)
        found = self.names.resolve(facts, name) if facts else None
        return found if isinstance(found, OwnClass) else None

    def where(self, pointer: str) -> Location:
        """Where a metadata value is written, or the best place to start looking."""
        plugin = self.metadata.plugin
        fallback = plugin.node.name_span.at(plugin.module.path) if plugin else Location(self.project.project_file)
        return self.metadata.where(pointer) or fallback


def report(
    rule: Rule,
    location: Location,
    message: str,
    help: str | None = None,  # noqa: A002 - the word users read
    *,
    evidence: Iterable[Step] = (),
    subject: str | None = None,
) -> Finding:
    """Build a finding of a rule."""
    text = help or rule.remedy
    return Finding(rule.name, rule.severity, rule.confidence, location, message, text, tuple(evidence), subject)


def metadata_problems(rule: Rule, context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found under this rule's name."""
    for problem in context.metadata.problems:
        if problem.rule == rule.name:
            yield report(rule, problem.location, problem.message, problem.help)


def contract_mismatches(rule: Rule, context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts found under this rule's name."""
    for item in context.mismatches:
        if item.rule == rule.name:
            yield report(rule, item.location, item.message, item.help, subject=item.subject)
