"""Where a wheel comes from: what its publisher states, held against what the wheel declares.

A provenance is the publisher's word. It is held against what the wheel itself declares: the ``Source`` or
``Repository`` address of its METADATA (labels as PyPI reads them), and a homepage on a host that is known to keep
repositories. Other homepages say nothing about sources, so they are not compared. It is held against the signing
certificate as well, where an issuer vouched for the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from packaging.metadata import parse_email

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import Refused
from theodore_loader.trust.attestations import Attestation
from theodore_loader.trust.provenance import Origin, Provenance, origins

_SOURCE_LABELS = frozenset({"source", "repository", "sourcecode", "github"})
"""``Project-URL`` labels that name a repository (PyPA, *Well-known Project URLs in Metadata*), normalised."""
_FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w-]+(?:\.[\w-]+)+):(?P<path>(?!/)[^\s\\]+)", re.ASCII)
"""The short form of git's ssh addresses: ``git@github.com:acme/hello``."""
_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_PROVENANCE = "build with `theodore-plugin package` from a committed tree, then sign: docs/guide/attestations.md"


def check_origin(attestations: Sequence[Attestation], wheel: Wheel, homepage: str, *, required: bool) -> str:
    """Return in words where the wheel comes from, or nothing.

    Raises ``Refused``: ``provenance-source-mismatch``, or ``provenance-missing`` if a commit is ``required``.
    """
    stated = [one for one in attestations if isinstance(one.predicate, Provenance)]
    named = [origin for one in stated for origin in _checked(one, wheel, homepage)]
    if required and not any(origin.commit for origin in named):
        raise Refused(
            "provenance-missing",
            f"this host demands provenance, and {_lack(stated, named)}",
            help=_PROVENANCE,
        )
    return "; ".join(dict.fromkeys(f"built from {origin}" for origin in named))


def refuse_other_commit(attestations: Sequence[Attestation], commit: str) -> None:
    """Raise ``provenance-source-mismatch`` if a provenance names another commit than the one it is held against."""
    for one in attestations:
        if not isinstance(one.predicate, Provenance):
            continue
        for origin in origins(one.predicate):
            if origin.dirty or (origin.commit and origin.commit != commit):
                raise _mismatch(f"the provenance says it was built from {origin}, not from commit {commit}")


def repository(address: str) -> str | None:
    """Return a repository's address in one spelling (``https://host/path``), or ``None`` for what is no such address.

    Credentials, a ``.git`` at the end, a revision after ``@`` and the protocol do not make another repository.
    """
    text = address.strip().removeprefix("git+")
    if "://" not in text and (short := _SCP.fullmatch(text)):
        text = f"ssh://{short['host']}/{short['path']}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    path = parts.path.partition("@")[0].strip("/").removesuffix(".git")
    if parts.scheme not in _SCHEMES or not host or not path or ".." in path.split("/"):
        return None
    return f"https://{host}{f':{port}' if port and parts.scheme in {'http', 'https'} else ''}/{path}"


def declared_sources(wheel: Wheel, homepage: str) -> Iterator[str]:
    """Yield the repositories a wheel says it comes from, in one spelling."""
    metadata = wheel.entries[f"{wheel.dist_info}/METADATA"]
    # reading it takes longer than all the rest, and most name no address
    for label, address in _project_urls(metadata) if b"project-url" in metadata.lower() else ():
        if re.sub(r"[\W_]", "", label).lower() in _SOURCE_LABELS and (found := repository(address)):
            yield found
    if (found := repository(homepage)) and urlsplit(found).hostname in _FORGES:
        yield found


def _project_urls(metadata: bytes) -> Iterator[tuple[str, str]]:
    """Yield label and address of every ``Project-URL``; where the parser takes none, a label twice say, each alone."""
    raw, unparsed = parse_email(metadata)
    yield from (raw.get("project_urls") or {}).items()
    for line in unparsed.get("project-url", ()):
        label, _, address = line.partition(",")
        yield label.strip(), address.strip()


def refuse_mismatch(origin: Origin, wheel: Wheel, homepage: str) -> None:
    """Raise ``provenance-source-mismatch`` if the wheel declares another repository than its provenance names."""
    built = repository(origin.repository or "")
    if built is None:
        return
    for declared in declared_sources(wheel, homepage):
        # a plugin of a repository with several may point below it
        if declared != built and not declared.startswith(f"{built}/"):
            raise _mismatch(f"the wheel says its source is {declared}, its provenance says it was built from {built}")


def _checked(attestation: Attestation, wheel: Wheel, homepage: str) -> Iterator[Origin]:
    assert isinstance(attestation.predicate, Provenance)  # noqa: S101 - selected by the caller
    certified = repository(attestation.signer.claims.get("source_repository_uri", ""))
    for origin in origins(attestation.predicate):
        refuse_mismatch(origin, wheel, homepage)
        built = repository(origin.repository or "")
        if certified and built and certified != built:
            raise _mismatch(f"the certificate was issued to {certified}, and the provenance says {built}")
        yield origin


def _lack(stated: Sequence[Attestation], named: Sequence[Origin]) -> str:
    if not stated:
        return "no publisher's provenance lies beside the wheel"
    return f"the one beside the wheel names {', '.join(map(str, named)) or 'no source'}"


def _mismatch(message: str) -> Refused:
    return Refused(
        "provenance-source-mismatch",
        message,
        help="build and sign from the repository the wheel names, or correct its Project-URL; "
        "if it is not yours, ask its author which of the two is true",
    )
