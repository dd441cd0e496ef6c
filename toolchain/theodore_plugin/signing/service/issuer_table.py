"""The tables ``[[issuer]]``: whose tokens are believed, and what of them becomes a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from theodore_plugin.signing.fetch import is_secure
from theodore_plugin.signing.local.authority import STATEMENTS
from theodore_plugin.signing.local.instance import ISSUER
from theodore_plugin.signing.service.identities import Template, TemplateError
from theodore_plugin.signing.service.profiles import PROFILES, is_shared
from theodore_plugin.signing.service.tables import Table, nearest

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key pair, all of them: with a shared secret, whoever could check a token could make one."""
DISCOVERY = "discovery"


@dataclass(frozen=True, slots=True)
class IssuerRule:
    """One issuer, what its tokens must be like, and what a certificate takes from them.

    ``jwks`` is :data:`DISCOVERY`, a URL or a file. ``identity`` makes an e-mail address where ``email`` says so, and a
    URI otherwise. Durations are seconds.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    jwks: str | Path
    identity: Template
    email: bool
    identities: tuple[str, ...]
    require: Mapping[str, str]
    statements: Mapping[str, Template]
    single_use: bool = True
    max_lifetime: int = 3600
    skew: int = 30
    interactive: bool = False


def read_issuers(tables: list[Table], folder: Path) -> dict[str, IssuerRule]:
    """Read every ``[[issuer]]``."""
    rules: dict[str, IssuerRule] = {}
    for table in tables:
        rule = _read(table, folder)
        table.finish()
        alike = next((one for one in rules if _folded(one) == _folded(rule.issuer)), None)
        if alike is not None:
            table.problem("issuer", f"{rule.issuer!r} can be mistaken for the issuer {alike!r}; keep one of them")
        rules[rule.issuer] = rule
    interactive = [rule for rule in rules.values() if rule.interactive]
    if len(interactive) > 1:
        tables[-1].problem("interactive", "clients can sign in at one issuer only; two are interactive")
    return rules


def _read(table: Table, folder: Path) -> IssuerRule:
    issuer = _issuer(table)
    identity, email, statements = _mapping(table)
    rule = IssuerRule(
        issuer=issuer,
        audience=table.text("audience"),
        algorithms=_algorithms(table),
        jwks=_jwks(table, folder),
        identity=identity,
        email=email,
        identities=_identities(table),
        require=MappingProxyType(table.mapping("require")),
        statements=MappingProxyType(statements),
        single_use=table.flag("single_use", True),
        max_lifetime=table.number("max_lifetime_seconds", 3600, 60, 86_400),
        skew=table.number("clock_skew_seconds", 30, 0, 300),
        interactive=table.flag("interactive"),
    )
    if is_shared(issuer) and not rule.require and not rule.identities:
        table.problem(
            "issuer",
            f"anybody can have a token of {issuer}: say whose count, by require = {{ … }} or identities = [ … ]",
        )
    return rule


def _issuer(table: Table) -> str:
    issuer = table.text("issuer")
    if issuer and not _is_plain(issuer):
        table.problem("issuer", f"{issuer!r} is not an https URL in ASCII with a lower-case host")
    if _folded(issuer) == _folded(ISSUER):
        table.problem("issuer", f"{issuer} is what machines name that sign as themselves; no service may speak for it")
    return issuer


def _is_plain(issuer: str) -> bool:
    if not issuer.isascii() or not is_secure(issuer):
        return False
    parts = urlsplit(issuer)
    return not parts.query and not parts.fragment and parts.netloc == parts.netloc.lower()


def _folded(issuer: str) -> str:
    return issuer.casefold().rstrip("/")


def _algorithms(table: Table) -> frozenset[str]:
    algorithms = table.texts("algorithms", ("RS256", "ES256"))
    for name in algorithms:
        if name not in ALGORITHMS:
            table.problem("algorithms", f"{name!r} is none of {', '.join(ALGORITHMS)}")
    return frozenset(algorithms)


def _jwks(table: Table, folder: Path) -> str | Path:
    jwks = table.text("jwks", DISCOVERY)
    if jwks == DISCOVERY or "://" in jwks:
        if jwks != DISCOVERY and not is_secure(jwks):
            table.problem("jwks", f"{jwks!r} is not an https URL")
        return jwks
    path = folder / jwks
    if jwks and not path.is_file():
        table.problem("jwks", f"{path}: no such file; jwks is a file, a URL, or {DISCOVERY!r}")
    return path


def _identities(table: Table) -> tuple[str, ...]:
    globs = table.texts("identities")
    for glob in globs:
        if not glob.strip("*"):
            table.problem("identities", "an identity of stars is everybody; leave the key out if that is meant")
    return globs


def _mapping(table: Table) -> tuple[Template, bool, dict[str, Template]]:
    """Return how the identity is made, whether it is an address, and how the statements are made."""
    profile = PROFILES.get(name := table.text("profile")) if table.has("profile") else None
    if table.has("profile") and name and profile is None:
        table.problem("profile", f"{name!r} is none of {', '.join(PROFILES)}{nearest(name, PROFILES)}")
    given = [key for key in ("identity_email", "identity_uri") if table.has(key)]
    if len(given) != 1 and not (profile and not given):
        table.problem("issuer", "say what is the identity: one of identity_email, identity_uri, or a profile")
    key = given[0] if given else "identity_uri"
    text = table.text(key) if given else (profile.identity_uri if profile else "")
    if key == "identity_email":
        text = f"{{{text}}}"
    texts = {**(profile.statements if profile else {}), **table.mapping("statements")}
    for name in texts.keys() - STATEMENTS.keys():
        table.problem("statements", f"unknown statement {name!r}{nearest(name, STATEMENTS)}")
    statements = {name: _template(table, "statements", value) for name, value in texts.items() if name in STATEMENTS}
    return _template(table, key, text), key == "identity_email", statements


def _template(table: Table, key: str, text: str) -> Template:
    try:
        return Template.parse(text)
    except TemplateError as error:
        if text:
            table.problem(key, str(error))
        return Template(())
