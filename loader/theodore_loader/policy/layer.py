"""One policy file as a layer: plain JSON, every entry with its place, laid over what it extends."""

from __future__ import annotations

from typing import Any

Layer = dict[str, Any]

_BY_NAME = ("rules", "limits", "network_limits", "advisories", "dependencies", "verdict", "suppressions", "places")
"""Mappings of which an upper layer replaces what it names, and inherits the rest."""


def lay_over(upper: Layer, lower: Layer) -> Layer:
    """Return ``upper`` on top of what it extends.

    Denials only grow: ``deny`` and ``forbidden_packages`` add to the lower layer's. Everything else that is written
    replaces what it names: an ``allow`` list or the list of exceptions as a whole; a rule, a scanner, a limit that one.
    Tests belong to the file they stand in.
    """
    result = {**lower, **upper}
    for mapping in _BY_NAME:
        result[mapping] = {**lower.get(mapping, {}), **upper.get(mapping, {})}
    result["scanners"] = _scanners_over(upper.get("scanners", {}), lower.get("scanners", {}))
    result["forbidden_packages"] = [*lower["forbidden_packages"], *upper["forbidden_packages"]]
    result["permissions"] = _permissions_over(upper["permissions"], lower["permissions"])
    result["categories"] = _categories_over(upper["categories"], lower["categories"])
    result["audiences"] = _audiences_over(upper, lower)
    result["tests"] = upper["tests"]
    return result


def _scanners_over(upper: Layer, lower: Layer) -> Layer:
    """Replace each setting that the upper layer names; how a scanner is run stays unless it is written anew."""
    defined = {name: {"definition": one["definition"]} for name, one in lower.items() if "definition" in one}
    return {**lower, **{name: {**defined.get(name, {}), **setting} for name, setting in upper.items()}}


def _permissions_over(upper: Layer, lower: Layer) -> Layer:
    return {kind: _type_over(upper.get(kind, {}), lower.get(kind, {})) for kind in lower | upper}


def _type_over(upper: Layer, lower: Layer) -> Layer:
    return {**lower, **upper, "deny": [*lower.get("deny", []), *upper.get("deny", [])]}


def _categories_over(upper: Layer, lower: Layer) -> Layer:
    nothing: Layer = {"permissions": {}, "limits": {}}
    result = {}
    for name in lower | upper:
        above, below = upper.get(name, nothing), lower.get(name, nothing)
        result[name] = {
            "permissions": _permissions_over(above["permissions"], below["permissions"]),
            "limits": {**below["limits"], **above["limits"]},
        }
    return result


def _audiences_over(upper: Layer, lower: Layer) -> Layer:
    """Lay audiences over each other: a rule that the upper layer names is no longer the lower one's to soften."""
    result = {}
    for name in lower["audiences"] | upper["audiences"]:
        inherited = lower["audiences"].get(name, {}).items()
        kept = {rule: setting for rule, setting in inherited if rule not in upper["rules"]}
        result[name] = {**kept, **upper["audiences"].get(name, {})}
    return result
