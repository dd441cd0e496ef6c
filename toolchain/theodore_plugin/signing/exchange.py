"""What one machine hands to another so that its signatures count there, and how the other takes it in.

::

    { "mediaType": "application/vnd.theodore.instance+json;version=1",
      "issuer": "https://…", "identity": "urn:…", "fingerprint": "<sha256>", "trustedRoot": { … } }

The fingerprint covers all of it (SHA-256 of the canonical JSON of issuer, identity and trusted root): a certificate
authority or a log key slipped into the trusted root changes it. It is what two people compare over another channel,
and taking an instance in without that comparison is not possible. Being taken in grants the plugin names given, and
nothing else.

After a rotation there is ``"replaces": ["urn:…", …]`` besides, the identities of the instances before. It is not
covered, and nothing follows from it but a word to whoever takes the new one in: a key that was copied could name a
successor, too (``docs/decisions/0023-the-instance-completed.md``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem, LoaderError, Refused
from theodore_loader.regular_file import read_beyond
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.signatures import trusted_root
from theodore_loader.trust.trust_file import MAX_ROOT_BYTES, Publisher, SignerRule, TrustFile, Verifier

MEDIA_TYPE = "application/vnd.theodore.instance+json;version=1"
FILE_NAME = "instance.json"
MAX_REPLACED = 64
LOCAL_IDENTITY = "urn:theodore:local:"
_FIELDS = {"mediaType", "issuer", "identity", "fingerprint", "trustedRoot"}
_AGAIN = "ask for the folder or file that `theodore-plugin trust export` writes on the other machine"


@dataclass(frozen=True, slots=True)
class Exported:
    """An instance as others know it: no secret is among it."""

    issuer: str
    identity: str
    root: Mapping[str, Any] = field(repr=False)
    replaces: tuple[str, ...] = ()
    """Whom it says it stands in for: a claim."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of it but what it replaces, hex."""
        covered = {"issuer": self.issuer, "identity": self.identity, "trustedRoot": self.root}
        return hashlib.sha256(strict_json.canonical(covered)).hexdigest()

    @property
    def document(self) -> bytes:
        """The trusted root, canonically: the same bytes on every machine that takes it in."""
        return strict_json.canonical(self.root)

    def to_json(self) -> bytes:
        """Return the file that is handed over."""
        written = {
            "mediaType": MEDIA_TYPE,
            "issuer": self.issuer,
            "identity": self.identity,
            "fingerprint": self.fingerprint,
            "trustedRoot": self.root,
            **({"replaces": list(self.replaces)} if self.replaces else {}),
        }
        return json.dumps(written, indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Granted:
    """What an instance taken in may do: publish plugins of these names, and, where ``policies`` are given, verify."""

    plugins: tuple[str, ...]
    policies: frozenset[str] = frozenset()
    max_age_days: int | None = None


def read_exported(path: Path) -> Exported:
    """Read what another machine exported, a folder or a single file; raises ConfigurationProblem."""
    place = path / FILE_NAME if path.is_dir() else path
    try:
        exported = _parsed(read_beyond(place, MAX_ROOT_BYTES))
    except OSError as error:
        raise ConfigurationProblem(f"{place}: {error.strerror}", help=_AGAIN) from error
    except (ValueError, strict_json.JsonError) as error:
        raise ConfigurationProblem(f"{place} is not what another machine exported: {error}", help=_AGAIN) from error
    trusted_root(exported.identity, exported.document)
    return exported


def import_instance(
    exported: Exported, granted: Granted, confirmed: str, *, trust_file: Path | None = None, root_id: str | None = None
) -> str:
    """Trust another machine's instance for what is granted; returns the id its root has here.

    ``confirmed`` is the fingerprint that the other machine's user told; raises ``digest-mismatch`` if it is another.
    """
    if normalised(confirmed) != exported.fingerprint:
        raise Refused(
            "digest-mismatch",
            f"the fingerprint is {exported.fingerprint}, not {normalised(confirmed) or confirmed!r}",
            help="nothing was changed; somebody may have put another instance in its place: fetch it again and ask",
        )
    with TrustEditor(trust_file or TrustFile.default_path()) as editor:
        known = known_root(editor.trust, exported.document)
        _refuse_limited(editor.trust, known)
        root = known or root_id or f"machine-{exported.fingerprint[:8]}"
        signer = SignerRule(root, exported.issuer, exported.identity)
        editor.add_root(root, exported.document)
        editor.add_publisher(Publisher(granted.plugins, signer), f"imported, fingerprint {exported.fingerprint}")
        if granted.policies:
            verifier = Verifier(exported.identity, signer, granted.policies, granted.max_age_days)
            editor.add_verifier(verifier, f"imported, fingerprint {exported.fingerprint}")
    return root


def _refuse_limited(trust: TrustFile, root: str | None) -> None:
    if root is not None and (until := trust.roots[root].until) is not None:
        raise ConfigurationProblem(
            f"the trust file has this instance as root {root!r}, which counts until {until}",
            help=f"to begin anew: theodore-plugin trust remove-root {root} --with-rules; then import it again",
        )


def replaced_roots(trust: TrustFile, exported: Exported) -> list[str]:
    """Return the ids under which a trust file has the roots of instances that this one says it replaces."""
    signers = [*(rule.signer for rule in trust.publishers), *(rule.signer for rule in trust.verifiers)]
    named = {signer.root for signer in signers if signer.identity in exported.replaces}
    own = known_root(trust, exported.document)
    return sorted(root for root in named if root in trust.roots and root != own)


def known_root(trust: TrustFile, document: bytes) -> str | None:
    """Return the id under which a trust file has this very root."""
    sha256 = hashlib.sha256(document).hexdigest()
    return next((root.id for root in trust.roots.values() if root.sha256 == sha256), None)


def wanted_root_id(name: str) -> str:
    """Return the id that the root of this machine's instance ``name`` has here, unless it is taken."""
    return "local" if name == "default" else f"local-{name}"


def free_root_id(taken: Collection[str], wanted: str, fingerprint: str) -> str:
    """Return ``wanted`` as the id of a new root, or a name beside it where that is taken."""
    return wanted if wanted not in taken else f"{wanted}-{fingerprint[:8]}"


def normalised(fingerprint: str) -> str:
    """Return a fingerprint as people write it (groups, colons, capitals) in 64 hex digits; empty if it is none."""
    digits = re.sub(r"[\s:]", "", fingerprint).lower()
    return digits if re.fullmatch(r"[0-9a-f]{64}", digits) else ""


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in eight groups, for people to compare."""
    return " ".join(fingerprint[start : start + 8] for start in range(0, len(fingerprint), 8))


def _parsed(data: bytes) -> Exported:
    document = strict_json.loads(data, max_bytes=MAX_ROOT_BYTES)
    if not isinstance(document, dict) or document.get("mediaType") != MEDIA_TYPE:
        raise ValueError(f"a document of type {MEDIA_TYPE} is expected")
    if document.keys() - {"replaces"} != _FIELDS:
        raise ValueError(f"a document of type {MEDIA_TYPE} is expected")
    issuer, identity, root = document["issuer"], document["identity"], document["trustedRoot"]
    if not isinstance(root, dict) or not all(_plain(value) for value in (issuer, identity)):
        raise ValueError("issuer and identity are exact and printable, the trusted root is an object")
    exported = Exported(issuer, identity, root, _replaces(document.get("replaces", [])))
    if document["fingerprint"] != exported.fingerprint:
        raise ValueError("its fingerprint is of something else")
    if identity.startswith(LOCAL_IDENTITY) and identity.removeprefix(LOCAL_IDENTITY) not in _fingerprints(exported):
        raise ValueError("its identity belongs to another root")
    return exported


def _replaces(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_REPLACED or not all(_plain(one) for one in value):
        raise ValueError(f"what it replaces is a list of at most {MAX_REPLACED} identities")
    return tuple(value)


def _plain(value: object) -> bool:
    """Tell whether a value can stand in a trust file as it is: an identity with a star would be a glob there."""
    return isinstance(value, str) and bool(value) and value.isprintable() and "*" not in value


def _fingerprints(exported: Exported) -> set[str]:
    """Return the fingerprints of the authorities' own roots."""
    from cryptography.hazmat.primitives import hashes

    try:
        certificates = trusted_root(exported.identity, exported.document).get_fulcio_certs()
    except LoaderError as error:
        raise ValueError(error.message) from error
    return {certificate.fingerprint(hashes.SHA256()).hex() for certificate in certificates}
