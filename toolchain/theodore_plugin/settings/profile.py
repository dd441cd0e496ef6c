"""A registry's profile: the terms under which it checks, published so that anybody can reproduce its verdict.

One JSON file (``policies/schemas/profile.schema.json``) with the :class:`Terms` and the text of every file of the
policy. ``check --profile`` takes the file, or the name of one in the folder ``profiles`` of the state folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_loader.policy.load import PolicySource, stacked_policy
from theodore_loader.policy.model import Policy
from theodore_loader.regular_file import read_beyond
from theodore_plugin.settings.schema import problems
from theodore_plugin.settings.terms import AdvisoryTerms, Terms

MAX_BYTES = 4 * 1024 * 1024
SCHEMA = "profile"
AUDIENCE = "registry"
"""Whose levels count under a profile that does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The terms, and the policy they name; ``digest`` is the SHA-256 (hex) of the profile in canonical JSON."""

    name: str
    terms: Terms
    policy: Policy
    digest: str
    path: Path


def profiles_dir() -> Path:
    """Return the folder of installed profiles (not created)."""
    return home_dir() / "profiles"


def load_profile(name_or_file: str) -> Profile:
    """Read a profile by file, or by name; raises ConfigurationProblem for one that cannot be used."""
    path = _find(name_or_file)
    document = _read(path)
    policy = stacked_policy([(one["name"], one["text"].encode()) for one in document["policy"]["files"]])
    policy = policy.for_audience(document["audience"])
    if policy.digest != document["policy"]["digest"]:
        raise ConfigurationProblem(
            f"{path}: the policy in it has the digest {policy.digest[:16]}…, not {document['policy']['digest'][:16]}…",
            help="this release reads the policy differently: use the theodore-plugin "
            f"{document['tool']['version']} that wrote the profile, or fetch a newer one",
        )
    digest = hashlib.sha256(strict_json.canonical(document)).hexdigest()
    return Profile(document["name"], _terms(document), policy, digest, path)


def profile_text(name: str, terms: Terms, sources: Sequence[PolicySource]) -> str:
    """Return the file of a profile."""
    import json

    document = {
        "schema": 1,
        "name": name,
        "tool": {"version": terms.tool, "code": terms.code, "rule_set": terms.rule_set, "python": terms.python},
        "scanners": dict(sorted(terms.scanners.items())),
        "audience": terms.audience,
        "policy": {
            "digest": terms.policy,
            "files": [{"name": one.label, "text": one.data.decode("utf-8-sig")} for one in sources],
        },
        "advisories": {"digest": terms.advisories.digest, "date": terms.advisories.date} if terms.advisories else None,
        "environment": terms.environment,
        "as_library": terms.as_library,
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _find(name_or_file: str) -> Path:
    path = Path(name_or_file)
    if "/" in name_or_file or path.suffix or path.exists():
        return path
    installed = profiles_dir() / f"{name_or_file}.json"
    if not installed.exists():
        known = sorted(one.stem for one in profiles_dir().glob("*.json")) if profiles_dir().is_dir() else []
        close = get_close_matches(name_or_file, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigurationProblem(
            f"there is no profile {name_or_file!r}",
            help=f"{hint}name the file the registry publishes (--profile FILE), or save it as {installed}",
        )
    return installed


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = strict_json.loads(read_beyond(path, MAX_BYTES), max_bytes=MAX_BYTES)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise ConfigurationProblem(
            f"cannot use the profile {path}: {reason}", help="name the JSON file the registry publishes"
        ) from problem
    wrong = [f"{path}: {'.'.join(map(str, at)) or 'the profile'}: {said}" for at, said in problems(document, SCHEMA)]
    if wrong:
        raise ConfigurationProblem("\n".join(wrong[:20]), help="name the JSON file the registry publishes")
    assert isinstance(document, dict)  # noqa: S101 - the schema says so; this tells mypy
    return document


def _terms(document: Mapping[str, Any]) -> Terms:
    advisories = document["advisories"]
    return Terms(
        tool=document["tool"]["version"],
        code=document["tool"]["code"],
        rule_set=document["tool"]["rule_set"],
        python=document["tool"]["python"],
        scanners=document["scanners"],
        policy=document["policy"]["digest"],
        audience=document["audience"],
        advisories=AdvisoryTerms(advisories["digest"], advisories["date"]) if advisories else None,
        environment=document["environment"],
        as_library=document["as_library"],
    )
