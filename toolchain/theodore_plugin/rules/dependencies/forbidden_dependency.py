"""A distribution that the policy forbids."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from theodore_loader.errors import Refused
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import pyproject
from theodore_plugin.scanners.pins import read_pins

_POLICY = """\
# file: policy.yaml
schema: 1
name: acme
extends: default
forbidden_packages:
  - { name: pycrypto, reason: "unmaintained, use cryptography" }
"""
_LOCK = """\
# file: pylock.toml
lock-version = "1.0"
created-by = "theodore-plugin"

[[packages]]
name = "pycrypto"
version = "2.6.1"

[[packages.wheels]]
name = "pycrypto-2.6.1-py3-none-any.whl"
url = "https://files.example.com/pycrypto-2.6.1-py3-none-any.whl"

[packages.wheels.hashes]
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"""

RULE = Rule(
    name="forbidden-dependency",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A dependency, or a dependency of one, is among the policy's forbidden packages.",
    why="The policy's owner has a reason not to run it: it is abandoned, vulnerable, or not licensed for this use.",
    remedy="Use another distribution. Who brings in a locked one is in pylock.toml.",
    bad=(
        Example(_POLICY + pyproject('"httpx>=0.27"', '"PyCrypto>=2.6"'), "named by the project"),
        Example(_POLICY + _LOCK, "locked for somebody else's sake"),
    ),
    good=(
        Example(_POLICY + pyproject(), "something else"),
        Example(pyproject('"httpx>=0.27"', '"pycrypto>=2.6"'), "a policy that does not mind"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what the project names, optional groups included, and at everything in the lock."""
    forbidden = {package.name: package for package in context.policy.forbidden_packages}
    for name, location in (*_named(context), *_locked(context)):
        package = forbidden.get(name)
        if package is not None:
            message = f"the policy forbids {name}: {package.reason} ({package.location})"
            yield report(RULE, location, message, subject=name)


def _named(context: RuleContext) -> Iterator[tuple[str, Location]]:
    optional = context.project.table.get("optional-dependencies", {})
    for line in [
        *context.project.table.get("dependencies", ()),
        *(line for extra in optional.values() for line in extra),
    ]:
        try:
            yield canonicalize_name(Requirement(line).name), context.project.locate(line)
        except InvalidRequirement:  # packaging refuses it
            continue


def _locked(context: RuleContext) -> Iterator[tuple[str, Location]]:
    if context.project.lock is None:
        return
    try:
        pins = read_pins(context.project.lock)
    except Refused:  # pip-audit reports a lock that cannot be read
        return
    for pin in pins:
        yield canonicalize_name(pin.name), pin.location
