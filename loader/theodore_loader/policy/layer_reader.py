"""From the bytes of one policy file to a layer."""

from __future__ import annotations

import re
from typing import Any

from theodore_loader.policy.layer import Layer
from theodore_loader.policy.validation import validate
from theodore_loader.policy.yaml_reader import Document, Path, read_yaml


def read_layer(data: bytes, label: str) -> Layer:
    """Parse, validate and normalise one file; raises :class:`PolicyProblems` with everything wrong in it."""
    document = read_yaml(data, label)
    validate(document, label)
    layer = dict(document.value)
    layer["permissions"] = {
        kind: _permission_layer(rules, ("permissions", kind), document, label)
        for kind, rules in layer.get("permissions", {}).items()
    }
    layer["rules"] = {name: _setting(value) for name, value in layer.get("rules", {}).items()}
    layer["forbidden_packages"] = [
        {**_forbidden(entry), "location": _place(("forbidden_packages", index), document, label)}
        for index, entry in enumerate(layer.get("forbidden_packages", []))
    ]
    return layer


def _permission_layer(rules: Layer, path: Path, document: Document, label: str) -> Layer:
    result = {**rules, "location": _place(path, document, label)}
    for side in rules.keys() & {"allow", "deny"}:
        result[side] = [
            {**_entry(entry), "location": _place((*path, side, index), document, label)}
            for index, entry in enumerate(rules[side])
        ]
    return result


def _entry(entry: Any) -> Layer:
    return {"pattern": entry, "reason": ""} if isinstance(entry, str) else {"reason": "", **entry}


def _forbidden(entry: Any) -> Layer:
    full = {"name": entry, "reason": ""} if isinstance(entry, str) else {"reason": "", **entry}
    return {**full, "name": re.sub(r"[-_.]+", "-", full["name"]).lower()}


def _setting(value: Any) -> Layer:
    return {"level": value} if isinstance(value, str) else dict(value)


def _place(path: Path, document: Document, label: str) -> str:
    return f"{label}:{document.position(path, key=True)[0]}"
