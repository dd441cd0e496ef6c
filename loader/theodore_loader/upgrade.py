"""Whether a new version of a running plugin may take its place without anybody being asked. Pure.

It may if it is the same plugin, and nothing in it is an increase (``difference.py``) or it is what was installed here,
which somebody has agreed to. That the sandbox holds it no less
is demanded of its worker besides (``Plan.minimum_tier``).
"""

from __future__ import annotations

from theodore_loader.difference import in_words, increases, strongest_rule
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.prepared import Prepared


def refuse_other_terms(running: Prepared, new: Prepared) -> None:
    """Raise unless ``new`` may replace ``running`` by itself; every difference is named.

    Raises:
        ConfigurationProblem: it is another plugin.
        Refused: it asks for a decision (``signer-changed``, ``version-went-back``, ``upgrade-needs-consent``).

    """
    if new.info.name != running.info.name:
        raise ConfigurationProblem(
            f"{running.info.name} is to be replaced, and the wheel is of {new.info.name}",
            help="load the other plugin beside it",
        )
    found = () if new.agreed else increases(running.terms, new.terms)
    if found:
        raise Refused(
            strongest_rule(found),
            f"{new.info.name} {new.info.version} does not replace {running.info.version} by itself: {in_words(found)}",
            help="look at the difference; if you accept it, unload the plugin and load the new version",
        )
