"""The static half of a check: project in, findings and what they rest on out. No plugin code runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from theodore_loader.policy import Policy
from theodore_plugin.contracts.catalogue import Catalogue, shipped_catalogue
from theodore_plugin.contracts.matrix import NO_MATRIX, HostMatrix
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.facts.lowering import lower_all
from theodore_plugin.facts.model import Blanket, Suppression
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.naming import distinctly_named
from theodore_plugin.facts.room import deep_recursion
from theodore_plugin.facts.toml_comments import project_suppressions
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.fixes.planning import Fixes, plan
from theodore_plugin.inference.capabilities import CapabilityMap, shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.model import Inference
from theodore_plugin.inference.summaries.follow import follow
from theodore_plugin.inference.summaries.store import SummaryStore
from theodore_plugin.metadata import MetadataReading, read_metadata
from theodore_plugin.packaging.api_usage import NO_USAGE, ApiUsage, usage_of
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.context import RuleContext, RuleModule
from theodore_plugin.rules.interface.matrix import host_matrix
from theodore_plugin.rules.library import ABOUT_PLUGINS
from theodore_plugin.rules.packaging.wheel_defects import wheel_findings


class CoverageStatus(StrEnum):
    """What became of one file."""

    ANALYSED = "analysed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One file's fate in the static analysis; ``reason`` is empty only for analysed files."""

    path: str
    status: CoverageStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StaticAnalysis:
    """Everything the static rules found and know about a project."""

    findings: tuple[Finding, ...]
    """In report order; inline suppressions are *not* applied here."""
    coverage: tuple[FileCoverage, ...]
    """One entry per file in ``project.files``, ``project.unreadable`` and ``project.skipped``."""
    metadata: MetadataReading
    inference: Inference
    suppressions: tuple[Suppression, ...] = ()
    blankets: tuple[Blanket, ...] = ()
    """Comments that silence other tools wholesale; not obeyed."""
    hosts: HostMatrix = NO_MATRIX
    """What the interface looks like to each known host in range."""
    fixes: Fixes = field(default_factory=dict)
    """How findings can be mended."""
    api: ApiUsage = NO_USAGE
    """What of the SDK the code uses."""
    not_run: tuple[str, ...] = ()
    """Rules that did not run, because they ask about plugins and this was analysed as a library."""


@deep_recursion()
def analyse(
    project: PluginProject,
    policy: Policy,
    rules: Sequence[RuleModule] = RULES,
    catalogue: Catalogue | None = None,
    environment: Environment | None = None,
    capabilities: CapabilityMap | None = None,
    *,
    as_library: bool = False,
) -> StaticAnalysis:
    """Analyse a project. What breaks inside one rule is a finding of its own; nothing a plugin contains raises.

    ``as_library`` takes it for a package that is no plugin: everything public is called by somebody, and rules about
    plugins do not run.
    """
    context = build_context(project, policy, catalogue, environment, capabilities, as_library=as_library)
    left_out = tuple(rule.RULE.name for rule in rules if as_library and rule.RULE.name in ABOUT_PLUGINS)
    rules = [rule for rule in rules if rule.RULE.name not in left_out]
    facts = tuple(context.facts.values())
    found = list(_findings(context, () if _is_unread_wheel(project) else rules))
    found += wheel_findings(project, found, as_library=as_library)
    findings = tuple(sorted(found, key=lambda finding: finding.sort_key))
    return StaticAnalysis(
        findings=findings,
        coverage=tuple(_coverage(project, context)),
        metadata=context.metadata,
        inference=context.inference,
        suppressions=(*project_suppressions(project), *(item for module in facts for item in module.suppressions)),
        blankets=tuple(item for module in facts for item in module.blankets),
        hosts=host_matrix(context, findings, _findings),
        fixes=plan(findings, context),
        api=NO_USAGE if as_library else _api(context),
        not_run=left_out,
    )


def _is_unread_wheel(project: PluginProject) -> bool:
    """Whether nothing in a wheel could be read: what it lacks is no news then."""
    return bool(project.defects) and not project.members and not project.texts


def build_context(
    project: PluginProject,
    policy: Policy,
    catalogue: Catalogue | None = None,
    environment: Environment | None = None,
    capabilities: CapabilityMap | None = None,
    *,
    as_library: bool = False,
) -> RuleContext:
    """Lower every file once and establish what all rules share.

    ``catalogue`` replaces the shipped contracts; ``environment`` is where the code of dependencies is followed;
    ``capabilities`` replaces the shipped capability map; a library's metadata is not looked for.
    """
    facts, failures = lower_all(project.files)
    facts = distinctly_named(facts)
    names = Names({str(module.module): module for module in facts.values()})
    metadata = MetadataReading() if as_library else read_metadata(project, names)
    capabilities = capabilities or shipped_map()
    return RuleContext(
        project=project,
        facts=facts,
        failures=failures,
        names=names,
        metadata=metadata,
        inference=infer(names, _known(names, capabilities, environment), metadata.entry_classes),
        policy=policy,
        contracts=(catalogue or shipped_catalogue()).newest,
        capabilities=capabilities,
        catalogue=catalogue or shipped_catalogue(),
    )


def _known(names: Names, capabilities: CapabilityMap, environment: Environment | None) -> Knowledge:
    if environment is None:
        return Knowledge(capabilities)
    return follow(names, capabilities, environment, SummaryStore.of_user()).knowledge


def _findings(context: RuleContext, rules: Sequence[RuleModule]) -> Iterator[Finding]:
    for rule in rules:
        try:
            # what a rule found before it broke counts, and so does the gap it leaves
            yield from rule.check(context)
        except Exception as problem:  # whatever a rule raises is a gap in this check, never the end of it
            yield _crashed(context, rule, problem)


def _api(context: RuleContext) -> ApiUsage:
    try:
        return usage_of(context)
    except Exception:  # the rules that look at the same uses have said so, and the check is incomplete
        return NO_USAGE


def _crashed(context: RuleContext, rule: RuleModule, problem: Exception) -> Finding:
    return Finding(
        rule="analyzer-failed",
        severity=Severity.INCOMPLETE,
        confidence=Confidence.HIGH,
        location=Location(context.project.project_file),
        message=f"rule {rule.RULE.name} crashed: {type(problem).__name__}: {problem}",
        help="reproduce with: theodore-plugin --debug check, and report it",
        subject=rule.RULE.name,
    )


def _coverage(project: PluginProject, context: RuleContext) -> Iterator[FileCoverage]:
    reasons = {failure.path: failure.reason for failure in context.failures}
    for file in project.files:
        failed = reasons.get(file.path)
        status = CoverageStatus.FAILED if failed else CoverageStatus.ANALYSED
        yield FileCoverage(file.path, status, failed or "")
    for gap in project.unreadable:
        yield FileCoverage(gap.path, CoverageStatus.FAILED, gap.reason)
    for skipped in project.skipped:
        yield FileCoverage(skipped.path, CoverageStatus.SKIPPED, skipped.reason)
