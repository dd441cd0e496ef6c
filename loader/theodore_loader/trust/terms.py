"""What accepting a version of a plugin means: who answers for it, what it asks for, how strongly it was judged. Pure.

Terms are what a pin keeps (``pins.py``) and what two versions are compared by (``theodore_loader.difference``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Annotated

import msgspec

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.statements import Verdict
from theodore_loader.trust.trust_file import Root
from theodore_sdk.info import PermissionType, PluginCategory, PluginInfo

OWNER_CLAIMS = ("source_repository_owner_id", "source_repository_id")
"""Claims that stay when a repository or its owner is renamed, and that a new owner of an old name does not have."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_TAG = re.compile(r"(https://[^@]+)@refs/tags/[^@]+")


class PinnedSigner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed, as it is remembered: the root by its digests and not by a name that somebody can write anew.

    ``authorities`` are the SHA-256 of the root certificates in the trusted root ``root_sha256``.
    """

    root: str
    root_sha256: Sha256
    authorities: tuple[Sha256, ...]
    issuer: str
    identity: str
    claims: dict[str, str] = {}

    @classmethod
    def of(cls, signer: Signer, roots: Mapping[str, Root]) -> PinnedSigner:
        """Return what is to be remembered of an authenticated signer."""
        digest, authorities = _fingerprints(roots[signer.root].document if signer.root in roots else b"")
        return cls(
            root=signer.root,
            root_sha256=digest,
            authorities=authorities,
            issuer=signer.issuer,
            identity=signer.identity,
            claims={name: signer.claims[name] for name in OWNER_CLAIMS if name in signer.claims},
        )

    def __str__(self) -> str:
        claims = "".join(f", {name} {value}" for name, value in sorted(self.claims.items()))
        return f"{self.identity} (issuer {self.issuer}, root {self.root}{claims})"

    def is_followed_by(self, other: PinnedSigner) -> bool:
        """Tell whether ``other`` is the same signer: same root, issuer and identity, and every owner claim of this one.

        A trusted root that the host's owner replaced under the same id is the same one if they have an authority in
        common: keys are rotated that way. Under another id nothing but the very same document counts, because whoever
        wrote it can have put anybody's certificate into it.
        """
        same_root = self.root_sha256 == other.root_sha256 or (
            self.root == other.root and not set(self.authorities).isdisjoint(other.authorities)
        )
        return (
            same_root
            and self.issuer == other.issuer
            and _lasting(self.identity) == _lasting(other.identity)
            and all(other.claims.get(name) == value for name, value in self.claims.items())
        )


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of one version. ``publisher`` is ``None`` for a wheel accepted unsigned by its digest.

    ``permissions`` are those the plugin asks for, whatever the policy of the day grants of them; ``native`` the names
    of machine code without platform and suffix; ``dynamic_code`` whether it makes code while it runs, as declared or
    as its checks saw it; ``levels`` and ``sandbox`` the verdict's; ``minimum_tier`` the sandbox the policy demands.
    """

    version: str
    sha256: Sha256
    publisher: PinnedSigner | None
    category: PluginCategory
    permissions: tuple[str, ...]
    native: tuple[str, ...]
    dynamic_code: bool
    levels: tuple[str, ...]
    sandbox: str
    minimum_tier: str
    inferred: tuple[str, ...] = ()
    """What its checks saw the code do; shown beside a difference, and nothing is decided by it."""

    @property
    def asked(self) -> tuple[Permission, ...]:
        """The permissions; raises PatternError for terms that somebody edited."""
        return tuple(Permission.from_text(text) for text in self.permissions)


def terms_of(
    wheel: Wheel,
    publisher: PinnedSigner | None,
    verdict: Verdict | None,
    policy: Policy,
    info: PluginInfo | None = None,
) -> Terms:
    """Return the terms of a verified wheel; ``verdict`` is the one it was accepted for, if any.

    ``info`` is what its manifest says, where that was read already.
    """
    info = info or wheel.manifest.info
    inferred = verdict.extension.permissions.inferred if verdict else ()
    return Terms(
        version=info.version,
        sha256=wheel.sha256,
        publisher=publisher,
        category=info.category,
        permissions=asked_permissions(info),
        native=machine_code(wheel.native_files),
        dynamic_code=makes_code(info, inferred),
        levels=tuple(sorted(verdict.verified_levels)) if verdict else (),
        sandbox=verdict.extension.sandbox if verdict else "none",
        minimum_tier=policy.minimum_tier,
        inferred=tuple(sorted(inferred)),
    )


def asked_permissions(info: PluginInfo) -> tuple[str, ...]:
    """Return what a manifest asks for, as texts in one order."""
    return tuple(sorted({str(Permission(one.type, one.pattern)) for one in info.permissions}))


def machine_code(files: Iterable[str]) -> tuple[str, ...]:
    """Return what stays the same of the names of machine code from build to build: no platform, no interpreter."""
    return tuple(sorted({_stem(path) for path in files}))


def makes_code(info: PluginInfo, inferred: Iterable[str]) -> bool:
    """Tell whether a plugin makes code while it runs: says so itself, or was seen to (``type access target``)."""
    wanted = PermissionType.DYNAMIC_CODE
    seen = (text.partition(" ")[0] for text in inferred)
    return any(one.type is wanted for one in info.permissions) or wanted.value in seen


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}"


def _lasting(identity: str) -> str:
    """Return what of an identity stays from release to release: a workflow's names the tag it ran for."""
    workflow = _TAG.fullmatch(identity)
    return f"{workflow[1]}@refs/tags/" if workflow else identity


@lru_cache(maxsize=32)
def _fingerprints(document: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a trusted root and those of its root certificates; of what is no trusted root, no such."""
    authorities: tuple[str, ...] = ()
    with suppress(ValueError, TypeError, KeyError, IndexError, RecursionError):
        chains = [one["certChain"]["certificates"] for one in json.loads(document)["certificateAuthorities"]]
        roots = {base64.b64decode(chain[-1]["rawBytes"], validate=True) for chain in chains}
        authorities = tuple(sorted(hashlib.sha256(one).hexdigest() for one in roots))
    return hashlib.sha256(document).hexdigest(), authorities
