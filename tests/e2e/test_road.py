"""The whole road for every category: new, check, package, trust, sign, verify, install, load, one call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.sandbox.tier import Tier, available

pytestmark = pytest.mark.registry

# One honest call of each category, as `theodore-plugin run` takes it.
CALLS: dict[str, tuple[str, dict[str, object]]] = {
    "scraper": ("get_rate_limits", {}),
    "ai_provider": ("generate_embeddings", {"texts": ["tide gauges", "echo sounders"]}),
    "search_tool": ("get_search_capabilities", {}),
    "storage": ("count_vectors", {}),
    "discovery": ("get_supported_strategies", {}),
    "transformer": ("get_transform_info", {}),
    "exporter": ("get_supported_formats", {}),
    "monitor": ("collect_metrics", {}),
    "webhook": ("accepts_event", {"event_type": "company.updated"}),
    "security": ("health_check", {}),
}

ORDINARY = {"scraper"}
"""Goes the whole road each time; every category is checked where scaffolds are tested (``tests/unit/scaffold``)."""
THOROUGH = pytest.mark.thorough


@pytest.mark.parametrize(
    "category", [each if each in ORDINARY else pytest.param(each, marks=THOROUGH) for each in CALLS]
)
def test_a_new_plugin_goes_the_whole_road(
    category: str, tmp_path: Path, examples: Path, plugin_command: Callable[..., tuple[int, str, str]]
) -> None:
    name = f"acme-{category.replace('_', '-')}"
    wheel = tmp_path / "dist" / f"{name.replace('-', '_')}-0.1.0-py3-none-any.whl"
    policy = ("--policy", examples / "demo-policy.yaml")
    advisories = ("--advisories", examples / "advisories.jsonl")
    method, arguments = CALLS[category]
    tier = () if available().tier >= Tier.STANDARD else ("--minimum-tier", available().tier.name.lower())
    road = (
        ("new", name, "--category", category, "--output-dir", tmp_path),
        ("check", tmp_path / name, *policy, *advisories),
        ("package", tmp_path / name, "--output-dir", wheel.parent, *policy, *advisories),
        ("trust", "init", *policy),
        ("sign", wheel, *policy, *advisories),
        ("verify", wheel, *policy),
        ("install", wheel, *policy),
        ("run", name, method, "--json", json.dumps(arguments), *policy, *tier),
    )
    for step in road:
        code, out, err = plugin_command(*step)
        assert code == 0, f"{step[0]} of a fresh {category} plugin: {out}\n{err}"
    assert json.loads(out) is not None
