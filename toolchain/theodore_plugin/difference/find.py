"""From what a user types to a side: a wheel, a folder, or the name of an installed plugin."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from theodore_loader.artifact.store import Store
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.installed import Installed
from theodore_loader.policy import Policy
from theodore_loader.trust.files import MAX_WHEEL, read_signed
from theodore_loader.trust.pins import Pins
from theodore_loader.trust.terms import Terms, makes_code, terms_of
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified
from theodore_plugin.difference.side import (
    Side,
    Signing,
    Source,
    asked_of,
    content_of,
    remembered_asked,
    signer_words,
)
from theodore_plugin.difference.signing import signature_of

_HELP = "give a wheel, a project folder, or the name of an installed plugin"


@dataclass(frozen=True, slots=True)
class Where:
    """Where names lead, whom to believe, and what the policy demands; ``code`` tells whether code is analysed."""

    home: Path
    trust: TrustFile
    policy: Policy
    code: bool = True


def find(target: str, where: Where) -> Side:
    """Read what ``target`` names.

    Raises:
        ConfigurationProblem: no such thing, or nothing that could be compared.
        NothingToDo: a folder without code.
        Refused: a wheel that is not acceptable.

    """
    path = Path(target)
    if path.is_dir():
        from theodore_plugin.difference.tree import of_tree

        return of_tree(path, where)
    if path.suffix == ".whl":
        return _of_wheel(path, where)
    if path.exists():
        raise ConfigurationProblem(f"{target} is neither a wheel nor a folder", help=_HELP)
    return of_installed(target, where)


def of_installed(name: str, where: Where) -> Side:
    """Read what is installed under a name, or what is remembered of what was; raises as :func:`find`.

    The terms are those it was accepted on, whatever the trust file says of its signer today: an installation is
    compared with them as well.
    """
    accepted = of_pin(name, where.home)
    if accepted is None:
        raise _nothing(name, Installed(where.home))
    if accepted.source is Source.REMEMBERED or not where.code:
        return accepted
    stored = Store(where.home).open(accepted.terms.sha256)
    return _analysed(accepted, stored.path.parent / "wheel" / stored.wheel.filename, stored.wheel)


def _analysed(side: Side, path: Path, wheel: Wheel) -> Side:
    """Put what the code is seen to do now in the place of what its checks saw."""
    from theodore_plugin.difference.code import seen_in

    seen = seen_in(path)
    terms = structs.replace(side.terms, dynamic_code=makes_code(wheel.manifest.info, seen.own))
    return replace(side, terms=terms, inferred=seen.inferred, incomplete=seen.incomplete)


def of_pin(name: str, home: Path) -> Side | None:
    """Return the version that was accepted last, on the terms it was accepted on; ``None`` if there was none.

    What it holds comes from the store. Of a plugin that was removed, or whose stored wheel is damaged, only the terms
    are known.
    """
    pin = Pins(home).get(name)
    if pin is None or pin.installed is None:
        return None
    terms, wheel = pin.installed, _stored(name, pin.installed, home)
    return Side(
        source=Source.INSTALLED if wheel else Source.REMEMBERED,
        label=name,
        name=name,
        terms=terms,
        asked=asked_of(wheel.manifest.info) if wheel else remembered_asked(terms),
        signing=Signing.BELIEVED if terms.publisher else Signing.UNSIGNED,
        signed_by=signer_words(terms),
        content=content_of(wheel) if wheel else None,
        inferred=frozenset(terms.inferred),
    )


def _stored(name: str, terms: Terms, home: Path) -> Wheel | None:
    plugin = Installed(home).all().get(name)
    if plugin is None or plugin.sha256 != terms.sha256:
        return None
    with suppress(Refused, ConfigurationProblem):
        return Store(home).open(plugin.sha256).wheel
    return None


def of_verified(verified: Verified, source: Source = Source.WHEEL) -> Side:
    """Return a wheel that passed verification, with what its verdict says about the code."""
    info = verified.manifest.info
    return Side(
        source=source,
        label=verified.wheel.filename,
        name=info.name,
        terms=verified.terms,
        asked=asked_of(info),
        signing=Signing.BELIEVED if verified.publisher else Signing.UNSIGNED,
        signed_by=signer_words(verified.terms),
        content=content_of(verified.wheel),
        inferred=frozenset(verified.terms.inferred),
    )


def _of_wheel(path: Path, where: Where) -> Side:
    files = read_signed(path)
    if len(files.data) > MAX_WHEEL:
        raise ConfigurationProblem(f"{path} is larger than any wheel that is read", help=_HELP)
    wheel = Wheel.read(files.data, files.filename)
    info = wheel.manifest.info
    signature = signature_of(files, wheel.name, where.trust, where.policy)
    side = Side(
        source=Source.WHEEL,
        label=files.filename,
        name=info.name,
        terms=terms_of(wheel, signature.publisher, signature.verdict, where.policy),
        asked=asked_of(info),
        signing=signature.signing,
        signed_by=signature.words,
        content=content_of(wheel),
    )
    return _analysed(side, path, wheel) if where.code else side


def _nothing(name: str, installed: Installed) -> ConfigurationProblem:
    if "/" in name or "." in name:
        return ConfigurationProblem(f"{name}: no such file or folder", help=_HELP)
    plugin = installed.get(name)
    return ConfigurationProblem(
        f"{plugin.name} is recorded as installed, and nothing is remembered of it", help=f"install {plugin.name} again"
    )
