"""A plugin name that belongs to somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

HOST = "theodore"
TRADEMARKS = frozenset(
    {
        "amazon",
        "anthropic",
        "apple",
        "chatgpt",
        "claude",
        "cloudflare",
        "cohere",
        "deepseek",
        "facebook",
        "github",
        "gitlab",
        "google",
        "huggingface",
        "linkedin",
        "microsoft",
        "mistral",
        "netflix",
        "nvidia",
        "openai",
        "perplexity",
        "pinecone",
        "salesforce",
        "slack",
        "snowflake",
        "stripe",
        "weaviate",
    }
)
"""Names of vendors and products. Only the bare name is reserved: ``openai-summaries`` says what it is about."""

RULE = Rule(
    name="reserved-plugin-id",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The plugin is called theodore, theodore-something, or exactly like a vendor or product.",
    why="Such a name says that the plugin comes from the makers of the host or of that product.",
    remedy="Say what the plugin does: acme-company-news.",
    bad=(
        Example(plugin(name='"theodore-scraper"'), "the host's own prefix"),
        Example(plugin(name='"openai"'), "a vendor's bare name"),
    ),
    good=(
        Example(plugin(), "a name of one's own"),
        Example(plugin(name='"openai-summaries"'), "about a vendor's product"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare the normalised name."""
    name = context.metadata.values.get("name")
    if not isinstance(name, str):
        return
    normal = canonicalize_name(name)
    if normal == HOST or normal.startswith(f"{HOST}-"):
        yield report(RULE, context.where("/name"), f"{name!r} is reserved for plugins of Theodore itself")
    elif normal in TRADEMARKS:
        yield report(RULE, context.where("/name"), f"{name!r} is the name of a vendor or product")
