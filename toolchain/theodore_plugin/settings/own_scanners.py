"""The definitions of scanners a check runs besides the built-in ones.

A definition names a command that will be run on this machine. It is the word of whoever runs the check, by a file or
by the policy they chose; a policy that the project under check chose for itself cannot bring one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.model import Policy

if TYPE_CHECKING:
    from theodore_plugin.scanners.custom_definition import Definition


def own_scanners(files: Iterable[Path], policy: Policy, *, policy_is_the_projects: bool) -> tuple[Definition, ...]:
    """Return the definitions of the policy, then those of the files; raises ConfigurationProblem for what is wrong."""
    paths = tuple(files)
    defined = {name: one.definition for name, one in policy.scanners.items() if one.definition is not None}
    if defined and policy_is_the_projects:
        name = min(defined)
        place = policy.place("scanners", name)
        raise ConfigurationProblem(
            f"{place}: the project's own policy defines the scanner {name}, a command to run on this machine",
            help="if you trust it, choose that policy yourself: --policy FILE",
        )
    if not defined and not paths:
        return ()
    from theodore_plugin.scanners.custom_definition import definition, read_definition

    of_policy = (
        definition(name, values, policy.place("scanners", name), from_policy=True)
        for name, values in sorted(defined.items())
        if policy.scanner(name).enabled
    )
    return (*of_policy, *(read_definition(path) for path in paths))
