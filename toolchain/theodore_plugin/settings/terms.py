"""What a verdict depends on besides the project: two checks on the same terms give the same report."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import theodore_loader
import theodore_plugin
import theodore_sdk


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a machine differs from the terms of a profile, and what to do about it."""

    message: str
    help: str


@dataclass(frozen=True, slots=True)
class AdvisoryTerms:
    """Which vulnerability data was asked: the digest of the data, and the day of its newest record.

    An online service has no digest: the empty text, which is never the same as anything.
    """

    digest: str
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one check.

    ``code`` is the digest of the program itself, which tells builds of one version apart; ``scanners`` are versions of
    the tools that run; ``policy`` is the digest of the policy as it counts for ``audience``; ``advisories`` is ``None``
    where none were asked; ``environment`` says whether the code of dependencies was followed.
    """

    tool: str
    code: str
    rule_set: str
    python: str
    scanners: Mapping[str, str]
    policy: str
    audience: str | None
    advisories: AdvisoryTerms | None
    environment: bool = False
    as_library: bool = False


def running_python() -> str:
    """Return implementation and language version of this interpreter: ``cpython 3.11``."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"


@cache
def program_digest() -> str:
    """Return the SHA-256 (hex) of this program's own code, the same wherever it is installed."""
    digest = hashlib.sha256()
    for package in (theodore_plugin, theodore_loader, theodore_sdk):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name.startswith("_data/"):
                continue  # where a wheel keeps policies and templates; a checkout has them elsewhere
            data = path.read_bytes()
            digest.update(f"{package.__name__} {name} {len(data)}\n".encode())
            digest.update(data)
    return digest.hexdigest()


def differences(wanted: Terms, here: Terms, distributions: Mapping[str, str]) -> Iterator[Difference]:
    """Yield everything in which ``here`` is not what the profile wants.

    ``distributions`` names what to install for a scanner that is not called like its distribution.
    """
    if wanted.tool != here.tool:
        yield _differs("theodore-plugin", wanted.tool, here.tool, f'pip install "theodore-plugin=={wanted.tool}"')
    elif wanted.code != here.code:
        remedy = f'pip install --force-reinstall "theodore-plugin=={wanted.tool}"'
        yield _differs(f"the code of theodore-plugin {here.tool}", wanted.code[:16], here.code[:16], remedy)
    elif wanted.rule_set != here.rule_set:
        yield _differs(
            "the rule set",
            wanted.rule_set[:16],
            here.rule_set[:16],
            "use the data of the same release, and no --capability-map",
        )
    if wanted.python != here.python:
        yield _differs("Python", wanted.python, here.python, f"run the check with {wanted.python}")
    if wanted.policy != here.policy:
        yield _differs("the policy", wanted.policy[:16], here.policy[:16], "fetch the profile again; it carries it")
    yield from _tools(wanted.scanners, here.scanners, distributions)
    yield from _advisories(wanted.advisories, here.advisories)
    if wanted.environment != here.environment:
        remedy = (
            "give --environment DIR with the locked dependencies" if wanted.environment else "leave --environment out"
        )
        yield _differs("the dependencies' code", _followed(wanted), _followed(here), remedy)


def _tools(
    wanted: Mapping[str, str], here: Mapping[str, str], distributions: Mapping[str, str]
) -> Iterator[Difference]:
    for name in sorted(wanted.keys() | here.keys()):
        there, now = wanted.get(name, "not run"), here.get(name, "not run")
        if there != now:
            known = name in wanted and name in here
            remedy = (
                f'pip install "{distributions.get(name, name)}=={there}"'
                if known
                else "run the scanners of the profile, and no others"
            )
            yield _differs(name, there, now, remedy)


def _advisories(wanted: AdvisoryTerms | None, here: AdvisoryTerms | None) -> Iterator[Difference]:
    if wanted is None or here is None or wanted.digest == here.digest:
        return  # a project without dependencies asks nothing
    data = f"advisory data of {wanted.date or 'an unknown day'} (sha256:{wanted.digest[:16]}…)"
    now = (
        f"data of {here.date or 'an unknown day'} (sha256:{here.digest[:16]}…)"
        if here.digest
        else "a service without a digest"
    )
    yield Difference(f"the profile has {data}, this check {now}", "fetch the registry's snapshot: --advisories FILE")


def _followed(terms: Terms) -> str:
    return "followed" if terms.environment else "not followed"


def _differs(what: str, wanted: str, here: str, remedy: str) -> Difference:
    return Difference(f"{what} differs: the profile has {wanted}, this machine {here}", remedy)
