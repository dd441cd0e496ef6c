"""Whether a new version of a running plugin may take its place without anybody being asked. Pure.

It may if it is the same plugin by the same signer, not older, of the same category, and is granted nothing that the
running one is not. That the sandbox holds it no less is demanded of its worker (``Plan.minimum_tier``).
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.permissions import Permission
from theodore_loader.preparation import Prepared
from theodore_loader.trust.signatures import Signer

RULE = "upgrade-needs-consent"


def refuse_other_terms(running: Prepared, new: Prepared) -> None:
    """Raise unless ``new`` may replace ``running`` by itself; every difference is named.

    Raises:
        ConfigurationProblem: it is another plugin.
        Refused: it asks for a decision (``upgrade-needs-consent``).

    """
    if new.info.name != running.info.name:
        raise ConfigurationProblem(
            f"{running.info.name} is to be replaced, and the wheel is of {new.info.name}",
            help="load the other plugin beside it",
        )
    if differences := tuple(_differences(running, new)):
        raise Refused(
            RULE,
            f"{new.info.name} {new.info.version} does not replace {running.info.version} by itself: "
            f"{'; '.join(differences)}",
            help="look at the difference; if you accept it, unload the plugin and load the new version",
        )


def _differences(running: Prepared, new: Prepared) -> Iterator[str]:
    if _identity(running.publisher) != _identity(new.publisher):
        yield f"it is {_signed(new.publisher)}, the running one {_signed(running.publisher)}"
    if Version(new.info.version) < Version(running.info.version):
        yield f"{new.info.version} is older"
    if new.info.category is not running.info.category:
        yield f"it is a plugin for {new.info.category.value}, the running one for {running.info.category.value}"
    if larger := larger_grants(running.grants, new.grants):
        yield f"it would also be granted {', '.join(map(str, larger))}"


def larger_grants(old: tuple[Permission, ...], new: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Return what of ``new`` no single grant of ``old`` covers."""
    return tuple(grant for grant in new if not any(held.covers(grant) for held in old))


def _identity(signer: Signer | None) -> tuple[str, str, str] | None:
    return None if signer is None else (signer.root, signer.issuer, signer.identity)


def _signed(signer: Signer | None) -> str:
    return "accepted unsigned by its digest" if signer is None else f"signed by {signer}"
