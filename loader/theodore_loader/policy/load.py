"""From a name or a path to a :class:`Policy`.

Reading YAML and validating costs a tenth of a second, so the validated layer is kept in the cache folder, keyed by the
digest of everything it came from. The cache holds plain JSON and can be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.permissions import Permission
from theodore_loader.policy.layer import Layer, lay_over
from theodore_loader.policy.layer_cache import cached_layer
from theodore_loader.policy.model import (
    Advisories,
    Ceiling,
    DependencyAge,
    Entry,
    ForbiddenPackage,
    PermissionRules,
    Policy,
    PolicyException,
    PolicyTest,
    RuleSetting,
    ScannerSetting,
)
from theodore_loader.policy.schema import MAX_BYTES
from theodore_loader.regular_file import read_beyond
from theodore_sdk.info import PermissionType, PluginCategory, PluginResourceLimits

BUILT_IN = ("default", "strict", "development")
MAX_EXTENDS = 8


@dataclass(frozen=True, slots=True)
class PolicySource:
    """One file of a policy: what places call it, its bytes, and where it was read."""

    label: str
    data: bytes
    path: Path


def load_policy(path_or_name: str | Path = "default") -> Policy:
    """Load a built-in policy by name, or a file by path.

    Raises:
        PolicyProblems: the file is not a usable policy; all its problems with line and column.
        ConfigurationProblem: no such policy, the file cannot be read, or policies extend each other in a circle.

    """
    return stacked_policy([(source.label, source.data) for source in policy_sources(path_or_name)])


def policy_sources(path_or_name: str | Path, *, within: Path | None = None) -> tuple[PolicySource, ...]:
    """Read a policy and everything it extends, itself first; raises as :func:`load_policy` does.

    A file of another folder is called by its path from the folder of the first one. ``within`` is the folder of a
    stranger who chose the policy: nothing outside of it is opened but what is built in, and nothing but ordinary files.
    """
    found: list[PolicySource] = []
    path: Path | None = _find(path_or_name)
    while path is not None:
        if len(found) >= MAX_EXTENDS or any(path.resolve() == one.path.resolve() for one in found):
            chain = " -> ".join([*(one.path.name for one in found), path.name])
            raise ConfigurationProblem(
                f"policies extend each other without end: {chain}", help="extend a built-in policy"
            )
        if within is not None:
            _refuse_outside(path, within)
        found.append(PolicySource(_label(path, found), _read(path), path))
        parent = cached_layer(found[-1].data, found[-1].label).get("extends")
        path = None if parent is None else _find(parent, relative_to=path.parent)
    return tuple(found)


def stacked_policy(sources: Sequence[tuple[str, bytes]]) -> Policy:
    """Build a policy from the labels and contents of its files, the extending one first."""
    layers = [cached_layer(data, label) for label, data in sources]
    return _policy(reduce(lambda upper, lower: lay_over(upper, lower), layers))


def _refuse_outside(path: Path, folder: Path) -> None:
    real = path.resolve()
    if path.parent == policies_dir() and path.stem in BUILT_IN:
        return
    if not real.is_relative_to(folder.resolve()):
        raise ConfigurationProblem(
            f"the project's policy leads to {path}, outside the project",
            help="keep the policies it extends inside the project, or name the policy yourself: --policy FILE",
        )
    if real.exists() and not real.is_file():
        raise ConfigurationProblem(f"the policy {path} is no ordinary file", help="name a readable file")


def _label(path: Path, above: Sequence[PolicySource]) -> str:
    if not above or path.parent == policies_dir():
        return path.name
    return os.path.relpath(path.resolve(), above[0].path.resolve().parent).replace(os.sep, "/")


def _find(path_or_name: str | Path, relative_to: Path | None = None) -> Path:
    if isinstance(path_or_name, str) and path_or_name in BUILT_IN:
        return policies_dir() / f"{path_or_name}.yaml"
    path = (relative_to or Path()) / path_or_name
    if isinstance(path_or_name, str) and "/" not in path_or_name and not path.suffix and not path.exists():
        from difflib import get_close_matches

        close = get_close_matches(path_or_name, BUILT_IN, 1)
        help_ = f"did you mean {close[0]}?" if close else f"name one of {', '.join(BUILT_IN)}, or the path of a file"
        raise ConfigurationProblem(f"there is no policy {path_or_name!r}", help=help_)
    return path


def _read(path: Path) -> bytes:
    try:
        # one byte more than allowed is enough for the reader to refuse it
        return read_beyond(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationProblem(
            f"cannot read the policy {path}: {reason}",
            help=f"name a readable file, or one of {', '.join(BUILT_IN)}",
        ) from error


def _policy(layer: Layer) -> Policy:
    return Policy(
        name=layer["name"],
        description=layer.get("description", ""),
        permissions=_permissions(layer["permissions"]),
        rules=_settings(layer["rules"]),
        scanners={name: ScannerSetting(**setting) for name, setting in layer.get("scanners", {}).items()},
        limits=_limits(layer.get("limits", {})),
        network_limits=_numbers(layer.get("network_limits", {})),
        minimum_tier=layer.get("minimum_tier", "standard"),
        first_installation=layer.get("first_installation", "automatic"),
        suppressions=frozenset(layer.get("suppressions", {}).get("allow", ())),
        forbidden_packages=tuple(ForbiddenPackage(**package) for package in layer["forbidden_packages"]),
        categories={PluginCategory(name): _ceiling(one) for name, one in layer["categories"].items()},
        audiences={name: _settings(rules) for name, rules in layer["audiences"].items()},
        exceptions=tuple(_exception(one) for one in layer.get("exceptions", ())),
        tests=tuple(_test(one) for one in layer["tests"]),
        places=layer["places"],
        advisories=Advisories(**layer.get("advisories", {})),
        dependencies=DependencyAge(**layer.get("dependencies", {})),
        **({"verdict_max_age_days": layer["verdict"]["max_age_days"]} if layer.get("verdict") else {}),
    )


def _limits(limits: dict[str, Any]) -> PluginResourceLimits:
    return PluginResourceLimits(**_numbers(limits))


def _numbers(limits: dict[str, Any]) -> dict[str, Any]:
    """Return limits as they are declared: a percentage or a time has a point, the others are whole."""
    points = {"max_cpu_percent", "max_execution_time_seconds", "idle_seconds"}
    return {name: (float if name in points else int)(value) for name, value in limits.items()}


def _permissions(types: dict[str, Any]) -> dict[PermissionType, PermissionRules]:
    return {PermissionType(kind): _rules(kind, rules) for kind, rules in types.items()}


def _ceiling(ceiling: dict[str, Any]) -> Ceiling:
    return Ceiling(_permissions(ceiling["permissions"]), _numbers(ceiling["limits"]))


def _settings(rules: dict[str, Any]) -> dict[str, RuleSetting]:
    return {name: RuleSetting(**setting) for name, setting in rules.items()}


def _exception(entry: dict[str, Any]) -> PolicyException:
    until = date.fromisoformat(entry["until"])
    return PolicyException(**{**entry, "rules": tuple(entry["rules"]), "until": until})


def _test(entry: dict[str, Any]) -> PolicyTest:
    asks = {name: value for name, value in entry.items() if name not in ("expect", "location")}
    return PolicyTest(asks, entry["expect"], entry["location"])


def _rules(kind: str, rules: dict[str, Any]) -> PermissionRules:
    return PermissionRules(
        allow=tuple(_entry(kind, entry) for entry in rules.get("allow", ())),
        deny=tuple(_entry(kind, entry) for entry in rules.get("deny", ())),
        refuse_overbroad=rules.get("overbroad", "refuse") == "refuse",
        location=rules.get("location", ""),
    )


def _entry(kind: str, entry: dict[str, Any]) -> Entry:
    return Entry(Permission.parse(kind, entry["pattern"]), entry["reason"], entry["location"])
