"""The host's trust file: whom this host believes, about what.

::

    schema = 1

    [[root]]                        a sigstore trusted root; verifiers are built per root, never merged
    id = "local"
    file = "roots/local.json"       relative to this file
    sha256 = "…"
    until = 2027-03-01              optional: the last day on which its publishers and verifiers count

    [[publisher]]                   who may publish which plugins; entries are alternatives, no match means deny
    plugins = ["acme-*"]
    root = "local"
    issuer = "https://…"            always exact
    identity = "…"                  exact, or an anchored glob: `*` stops at `/`, `**` does not
    registry = "acme"               optional: the revoker whose version ranges apply to these plugins

    [[verifier]]                    whose verdicts count; a publisher is no verifier unless it is listed here
    id = "urn:…"                    the VSA's verifier.id, believed from this signer only
    root, issuer, identity          as above
    policies = ["<sha256>"]         digests of the policies a verdict may have been made under
    max_age_days = 90               optional; the policy's own bound holds as well

    [[revoker]]                     whose revocation lists are heeded; without a current one nothing is loaded
    id = "acme"                     the id its lists name
    root, issuer, identity          as above
    max_age_days = 7                optional; `max_revocation_age_days` where it is missing
    url = "https://…"               optional: where `revocations update` fetches it

    [loader]
    mode = "enforce"
    require_provenance = true       optional; a wheel whose source commit its publisher does not state is refused
    max_revocation_age_days = 30
    allow_unsigned_sha256 = [{ sha256 = "…", reason = "…", expires = 2027-03-01 }]

Reading is strict and reports every problem at once, with its line. A file that anyone else could write is refused.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_loader.regular_file import read_beyond
from theodore_loader.trust.protected import read_protected
from theodore_loader.trust.toml_lines import Lines
from theodore_loader.trust.trust_tables import Reader

SCHEMA = 1
FILE_NAME = "trust.toml"
MAX_BYTES = 1 << 20
MAX_ROOT_BYTES = 4 << 20
INIT_COMMAND = "theodore-plugin trust init"


class TrustFileProblems(ConfigurationProblem):
    """The trust file is not acceptable; ``problems`` are (line, message) pairs, every one of them."""

    def __init__(self, path: Path, problems: list[tuple[int, str]]) -> None:
        self.problems = tuple(sorted(problems))
        listed = "\n".join(f"  {path}:{line}: {message}" for line, message in self.problems)
        super().__init__(
            f"the trust file is not acceptable:\n{listed}", help="docs/guide/trust.md describes the format"
        )


@dataclass(frozen=True, slots=True)
class Root:
    """A sigstore trusted root, with the bytes that matched its digest."""

    id: str
    sha256: str
    document: bytes = field(repr=False)
    until: date | None = None
    """The last day on which its signers publish or verify anything; the end dates inside a root are not enforced."""
    path: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SignerRule:
    """One signer: certificates of ``root``, issued on ``issuer``'s word, for ``identity``, with these ``claims``."""

    root: str
    issuer: str
    identity: str
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who may publish the plugins whose names match one of the globs; ``registry`` is the revoker that offers them.

    ``line`` is where the trust file says so.
    """

    plugins: tuple[str, ...]
    signer: SignerRule
    registry: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Whose verdicts count: the pair of id and signer, under these policies (SHA-256), for so many days at most."""

    id: str
    signer: SignerRule
    policies: frozenset[str]
    max_age_days: int | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Revoker:
    """Whose revocation lists this host heeds: ``id`` is what they name, ``url`` where they are fetched on demand."""

    id: str
    signer: SignerRule
    max_age_days: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class UnsignedException:
    """One exact wheel that may be loaded without signature and verdict, why, and until when."""

    sha256: str
    reason: str
    expires: date
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LoaderRules:
    """How strict the loader is: staleness bounds, exceptions by exact digest, whether provenance is demanded."""

    max_revocation_age_days: int | None = None
    unsigned: tuple[UnsignedException, ...] = ()
    require_provenance: bool = False


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust file as read from ``path``. ``found`` is false where there was none: then nobody is believed.

    ``sha256`` is the digest of what was read; ``None`` for one that was put together otherwise.
    """

    path: Path
    roots: Mapping[str, Root] = field(default_factory=dict)
    publishers: tuple[Publisher, ...] = ()
    verifiers: tuple[Verifier, ...] = ()
    loader: LoaderRules = LoaderRules()
    found: bool = True
    revokers: tuple[Revoker, ...] = ()
    sha256: str | None = field(default=None, compare=False)
    lapsed: tuple[Root, ...] = field(default=(), compare=False)

    def at(self, today: date) -> TrustFile:
        """Return what the file grants on a day: a root past its last day has no publishers and no verifiers.

        Its revokers go on being heeded: what is not to be believed any more may still warn. ``lapsed`` are such roots.
        """
        lapsed = {root.id: root for root in self.roots.values() if root.until is not None and today > root.until}
        if not lapsed:
            return self
        return replace(
            self,
            publishers=tuple(rule for rule in self.publishers if rule.signer.root not in lapsed),
            verifiers=tuple(rule for rule in self.verifiers if rule.signer.root not in lapsed),
            lapsed=tuple(lapsed.values()),
        )

    @classmethod
    def default_path(cls) -> Path:
        """Return where the trust file of this user is."""
        return home_dir() / FILE_NAME

    @classmethod
    def load(cls, path: Path | None = None) -> TrustFile:
        """Read ``path``, or this user's trust file; raises :class:`TrustFileProblems`.

        This user's file may be missing, a file that was named may not.
        """
        if path is None:
            return cls.of_home(home_dir())
        try:
            return parse(read_protected(path, MAX_BYTES), path)
        except FileNotFoundError:
            raise ConfigurationProblem(f"{path}: no such trust file", help=INIT_COMMAND) from None

    @classmethod
    def of_home(cls, home: Path, known: TrustFile | None = None) -> TrustFile:
        """Read the trust file of a state folder, where it may be missing; raises :class:`TrustFileProblems`.

        ``known`` is an earlier reading: it is returned if file and roots still have the very same bytes.
        """
        place = home / FILE_NAME
        try:
            data = read_protected(place, MAX_BYTES)
        except FileNotFoundError:
            return cls(place, found=False)
        return known if known is not None and known.is_of(data, place) else parse(data, place)

    def is_of(self, data: bytes, path: Path) -> bool:
        """Tell whether parsing ``data`` as the file at ``path`` would give this one again."""
        if (self.path, self.sha256) != (path, hashlib.sha256(data).hexdigest()):
            return False
        return all(root.path and _root_document(root.path) == root.document for root in self.roots.values())


def parse(data: bytes, path: Path) -> TrustFile:
    """Read a trust file's content. Root files are read relative to ``path``."""
    text, document = _toml(data, path)
    problems: list[tuple[int, str]] = []
    reader = Reader(document, Lines(text), problems)
    trust = _read(reader, path)
    if problems:
        raise TrustFileProblems(path, problems)
    return replace(trust, sha256=hashlib.sha256(data).hexdigest())


def _toml(data: bytes, path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode("utf-8")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise TrustFileProblems(path, [(data[: error.start].count(b"\n") + 1, "not UTF-8")]) from None
    except (ValueError, RecursionError) as error:
        raise TrustFileProblems(path, [(1, f"not TOML: {error}")]) from None


def _read(reader: Reader, path: Path) -> TrustFile:
    reader.check_top_level(SCHEMA, ("root", "publisher", "verifier", "revoker", "loader"))
    roots = _roots(reader, path)
    revokers = _revokers(reader, roots)
    return TrustFile(
        path=path,
        roots=roots,
        publishers=_publishers(reader, roots, {revoker.id for revoker in revokers}),
        verifiers=_verifiers(reader, roots),
        loader=_loader(reader),
        revokers=revokers,
    )


def _roots(reader: Reader, path: Path) -> dict[str, Root]:
    roots: dict[str, Root] = {}
    for table in reader.tables("root"):
        name, file, sha256 = table.text("id"), table.text("file"), table.sha256("sha256")
        until = table.day("until")
        table.finish()
        if name in roots:
            table.problem("id", f"a second root named {name!r}")
        if not (name and file and sha256):
            continue
        document = _root_document(path.parent / file)
        if isinstance(document, str):
            table.problem("file", document)
        elif hashlib.sha256(document).hexdigest() != sha256:
            table.problem("sha256", f"{path.parent / file} has another digest: it was changed, or this line was")
        else:
            roots[name] = Root(name, sha256, document, until, path=path.parent / file)
    return roots


def _root_document(path: Path) -> bytes | str:
    """Return the file's bytes, or what is wrong with it."""
    try:
        data = read_beyond(path, MAX_ROOT_BYTES)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return data if len(data) <= MAX_ROOT_BYTES else f"{path} is larger than {MAX_ROOT_BYTES:,} bytes"


def _publishers(reader: Reader, roots: Mapping[str, Root], registries: Collection[str]) -> tuple[Publisher, ...]:
    found = []
    for table in reader.tables("publisher"):
        signer = SignerRule(**table.signer(roots))
        found.append(Publisher(table.globs("plugins"), signer, table.registry("registry", registries), table.line))
        table.finish()
    return tuple(found)


def _verifiers(reader: Reader, roots: Mapping[str, Root]) -> tuple[Verifier, ...]:
    found = []
    for table in reader.tables("verifier"):
        policies = frozenset(table.sha256_list("policies"))
        signer = SignerRule(**table.signer(roots))
        found.append(Verifier(table.text("id"), signer, policies, table.days("max_age_days"), table.line))
        table.finish()
    return tuple(found)


def _revokers(reader: Reader, roots: Mapping[str, Root]) -> tuple[Revoker, ...]:
    found: list[Revoker] = []
    for table in reader.tables("revoker"):
        name, signer = table.revoker_id("id"), SignerRule(**table.signer(roots))
        if any(known.id == name for known in found):
            table.problem("id", f"a second revoker named {name!r}")
        found.append(Revoker(name, signer, table.days("max_age_days"), table.address("url")))
        table.finish()
    return tuple(found)


def _loader(reader: Reader) -> LoaderRules:
    table = reader.table("loader")
    if table is None:
        return LoaderRules()
    table.constant("mode", "enforce")
    line = table.line_of("allow_unsigned_sha256")
    unsigned = tuple(UnsignedException(*entry, line) for entry in table.exceptions("allow_unsigned_sha256"))
    rules = LoaderRules(table.days("max_revocation_age_days"), unsigned, table.flag("require_provenance"))
    table.finish()
    return rules
