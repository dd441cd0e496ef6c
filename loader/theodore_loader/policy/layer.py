"""One policy file as a layer: plain JSON, every entry with its place, laid over what it extends."""

from __future__ import annotations

from typing import Any

Layer = dict[str, Any]


def lay_over(upper: Layer, lower: Layer) -> Layer:
    """Return ``upper`` on top of what it extends.

    Denials only grow: ``deny`` and ``forbidden_packages`` add to the lower layer's. Everything else that is written
    replaces what it names: an ``allow`` list the whole list, a rule, a scanner, a limit that one.
    """
    result = {**lower, **upper}
    for mapping in ("rules", "scanners", "limits", "advisories", "verdict", "suppressions"):
        result[mapping] = {**lower.get(mapping, {}), **upper.get(mapping, {})}
    result["forbidden_packages"] = [*lower["forbidden_packages"], *upper["forbidden_packages"]]
    kinds = lower["permissions"] | upper["permissions"]
    result["permissions"] = {
        kind: _permissions_over(upper["permissions"].get(kind, {}), lower["permissions"].get(kind, {}))
        for kind in kinds
    }
    return result


def _permissions_over(upper: Layer, lower: Layer) -> Layer:
    return {**lower, **upper, "deny": [*lower.get("deny", []), *upper.get("deny", [])]}
