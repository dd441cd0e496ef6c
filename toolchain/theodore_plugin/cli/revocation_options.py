"""What an entry of a revocation list is about, as options: a digest, a signer, or versions of a registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from theodore_loader.trust.trust_file import TrustFile

Command = Callable[..., Any]

_OPTIONS = (
    click.option("--sha256", metavar="DIGEST", help="One exact wheel, by its digest."),
    click.option("--wheel", metavar="FILE", type=click.Path(path_type=Path), help="One exact wheel, given as a file."),
    click.option("--root", metavar="ID|DIGEST", help="A signer's root: its id here, or an authority's SHA-256."),
    click.option("--issuer", help="A signer's OIDC issuer, exact."),
    click.option("--identity", help="A signer's identity, exact or a glob: * stops at /, ** does not."),
    click.option("--plugin", metavar="NAME", help="A plugin of the revoker's registry; needs --versions."),
    click.option("--versions", metavar="RANGE", help="Versions of it, in plain order: '>=1.0,<1.2.3'."),
)


@dataclass(frozen=True, slots=True)
class Named:
    """What was named; exactly one kind of thing."""

    sha256: str | None
    wheel: Path | None
    root: str | None
    issuer: str | None
    identity: str | None
    plugin: str | None
    versions: str | None

    def fields(self, revoker: str, trust: TrustFile) -> dict[str, str]:
        """Return the fields of an entry about this; raises UsageError unless one thing is named, completely."""
        digest, offered = self._digest(), {"plugin": self.plugin, "versions": self.versions}
        signer = {"root": self._root(trust), "issuer": self.issuer, "identity": self.identity}
        given = [kind for kind in ({"sha256": digest}, signer, offered) if any(kind.values())]
        if len(given) != 1 or not all(given[0].values()):
            raise click.UsageError(
                "name one thing: --sha256 or --wheel, or --root, --issuer and --identity, or --plugin and --versions"
            )
        registry = {"registry": revoker} if given[0] is offered else {}
        return {**registry, **{name: value for name, value in given[0].items() if value}}

    def _digest(self) -> str | None:
        import hashlib

        from theodore_loader.regular_file import read_regular
        from theodore_loader.trust.files import MAX_WHEEL, refuse_missing

        if self.wheel is None:
            return self.sha256
        refuse_missing(self.wheel)
        return hashlib.sha256(read_regular(self.wheel, MAX_WHEEL)).hexdigest()

    def _root(self, trust: TrustFile) -> str | None:
        """Return a digest for an id of the trust file: ids mean something on this host only."""
        from theodore_loader.trust.revocations.index import authority_names

        if self.root is None or self.root not in trust.roots:
            return self.root
        return authority_names(trust.roots[self.root].document)[-1]


def naming(command: Command) -> Command:
    """Take the options that say what an entry is about, as one argument ``named``."""

    @wraps(command)
    def collected(**options: Any) -> Any:
        mine = {name: options.pop(name) for name in Named.__slots__}
        return command(named=Named(**mine), **options)

    decorated: Command = collected
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def moment(text: str | None) -> datetime | None:
    """Read a date or a time; one without a zone is in UTC. Raises UsageError."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no date or time such as 2026-11-01 or 2026-11-01T12:00:00Z") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
