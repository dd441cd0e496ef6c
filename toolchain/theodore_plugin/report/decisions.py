"""What a policy decides about one plugin, as text and as JSON, for ``theodore-plugin policy explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from theodore_loader.policy import Policy
from theodore_plugin.policies.explaining import GROUPS, Decision
from theodore_plugin.report.visible import visible


def text_lines(name: str, policy: Policy, decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield the decisions group by group, each with its line."""
    yield visible(f"{name} under policy {policy.name}  sha256:{policy.digest}")
    for group in GROUPS:
        found = [one for one in decisions if one.group == group]
        if found:
            yield ""
            yield f"{group}s"
        width = max((len(one.about) for one in found), default=0)
        for one in found:
            yield visible(f"  {one.about:<{width}}  {one.says}{_why(one)}")


def json_text(name: str, policy: Policy, decisions: Sequence[Decision]) -> str:
    """Return the same for programs."""
    document = {
        "schema": 1,
        "plugin": name,
        "policy": {"name": policy.name, "digest": policy.digest},
        "decisions": [asdict(one) for one in decisions],
    }
    return json.dumps(document, indent=2)


def _why(one: Decision) -> str:
    reason = f": {one.reason}" if one.reason else ""
    return f"{reason}  ({one.place})" if one.place else reason
