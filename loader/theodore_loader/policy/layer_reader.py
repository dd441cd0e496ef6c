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
    reader = _Reader(document, label)
    layer = dict(document.value)
    layer["permissions"] = reader.permissions(layer.get("permissions", {}), ("permissions",))
    layer["categories"] = {
        name: reader.ceiling(ceiling, ("categories", name)) for name, ceiling in layer.get("categories", {}).items()
    }
    layer["rules"] = reader.settings(layer.get("rules", {}), ("rules",))
    layer["audiences"] = {
        name: reader.settings(one.get("rules", {}), ("audiences", name, "rules"))
        for name, one in layer.get("audiences", {}).items()
    }
    layer["forbidden_packages"] = reader.listed("forbidden_packages", _forbidden)
    if "exceptions" in layer:
        layer["exceptions"] = reader.listed("exceptions", _exception)
    layer["tests"] = reader.listed("tests", dict)
    layer["places"] = reader.places()
    return layer


class _Reader:
    """Copies parts of one document and writes beside each entry where it stands."""

    def __init__(self, document: Document, label: str) -> None:
        self._document = document
        self._label = label

    def permissions(self, types: Layer, path: Path) -> Layer:
        return {kind: self._type(rules, (*path, kind)) for kind, rules in types.items()}

    def ceiling(self, ceiling: Layer, path: Path) -> Layer:
        permissions = self.permissions(ceiling.get("permissions", {}), (*path, "permissions"))
        return {"permissions": permissions, "limits": ceiling.get("limits", {})}

    def listed(self, name: str, normalised: Any) -> list[Layer]:
        entries = self._document.value.get(name, [])
        return [{**normalised(entry), "location": self._place((name, i))} for i, entry in enumerate(entries)]

    def settings(self, rules: Layer, path: Path) -> Layer:
        return {
            name: {**({"level": value} if isinstance(value, str) else value), "location": self._place((*path, name))}
            for name, value in rules.items()
        }

    def places(self) -> dict[str, str]:
        """Return where each key stands that is not inside a list: ``limits.max_memory_mb`` -> ``acme.yaml:12``."""
        keys = (path for path in self._document.keys if not any(isinstance(part, int) for part in path))
        return {".".join(map(str, path)): self._place(path) for path in keys}

    def _type(self, rules: Layer, path: Path) -> Layer:
        result = {**rules, "location": self._place(path)}
        for side in rules.keys() & {"allow", "deny"}:
            result[side] = [
                {**_entry(entry), "location": self._place((*path, side, index))}
                for index, entry in enumerate(rules[side])
            ]
        return result

    def _place(self, path: Path) -> str:
        return f"{self._label}:{self._document.position(path, key=True)[0]}"


def _entry(entry: Any) -> Layer:
    return {"pattern": entry, "reason": ""} if isinstance(entry, str) else {"reason": "", **entry}


def _forbidden(entry: Any) -> Layer:
    full = {"name": entry, "reason": ""} if isinstance(entry, str) else {"reason": "", **entry}
    return {**full, "name": _normalised(full["name"])}


def _exception(entry: Layer) -> Layer:
    return {**entry, "plugin": _normalised(entry["plugin"])} if "plugin" in entry else dict(entry)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
