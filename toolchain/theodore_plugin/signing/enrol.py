"""Teaching this machine's trust file about this machine's own signing instance."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.policy import Policy
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.revocations.index import authority_names
from theodore_loader.trust.trust_file import MAX_ROOT_BYTES, Publisher, SignerRule, TrustFile, Verifier
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.signing.exchange import (
    FILE_NAME,
    LOCAL_IDENTITY,
    MAX_REPLACED,
    Exported,
    free_root_id,
    known_root,
    wanted_root_id,
)
from theodore_plugin.signing.local import rotation
from theodore_plugin.signing.local.documents import RekorVersion
from theodore_plugin.signing.local.instance import DEFAULT_NAME, ISSUER, LocalInstance, open_or_create


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The instance that is now trusted, where that is written, and under which policy its verdicts count."""

    instance: LocalInstance
    trust_file: Path
    policy: Policy


def enrol_local(
    policy: Policy, path: Path | None = None, name: str = DEFAULT_NAME, rekor: RekorVersion | None = None
) -> Enrolled:
    """Trust the local instance as publisher of any plugin and as verifier under ``policy``.

    Creates the instance and the trust file if they are missing, and adds only what is not there yet: run it again
    with another policy to accept verdicts under that one, too. ``rekor`` decides which log entries it makes, from now
    on.
    """
    instance = open_or_create(name, rekor=rekor)
    _refuse_damaged(instance)
    place = path or TrustFile.default_path()
    document = read_regular(instance.trusted_root_path, MAX_ROOT_BYTES)
    with TrustEditor(place) as editor:
        known = known_root(editor.trust, document)
        root = known or free_root_id(editor.trust.roots, wanted_root_id(name), instance.fingerprint)
        signer = SignerRule(root, ISSUER, instance.identity)
        editor.add_root(root, document)
        editor.add_publisher(Publisher(("*",), signer), "this machine's own instance may publish any plugin")
        verifier = Verifier(instance.identity, signer, frozenset({policy.digest}))
        editor.add_verifier(verifier, f"what this machine checked itself, under policy {policy.name}")
    return Enrolled(instance, place, policy)


def exported(instance: LocalInstance) -> Exported:
    """Return the instance as others are to know it; no secret is among it."""
    _refuse_damaged(instance)
    return known_to_others(instance)


def known_to_others(instance: LocalInstance) -> Exported:
    """Return the same without importing sigstore to see whether its root is one."""
    root = json.loads(read_regular(instance.trusted_root_path, MAX_ROOT_BYTES))
    return Exported(ISSUER, instance.identity, root, _replaced(instance.folder))


def _replaced(folder: Path) -> tuple[str, ...]:
    """Return the identities of the instances that a rotation replaced; of a damaged one nothing is known."""
    found = []
    for document in rotation.replaced_documents(folder):
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found += [f"{LOCAL_IDENTITY}{name}" for name in authority_names(document)[-1:]]
    return tuple(sorted(found)[:MAX_REPLACED])


def export(instance: LocalInstance, place: Path) -> tuple[Path, ...]:
    """Write what other machines need, and, where ``place`` is a folder, what plain sigstore tools need to verify.

    A ``place`` that ends in ``.json`` is one file for other machines. Returns what was written.
    """
    handed_over = exported(instance).to_json()
    if place.suffix == ".json" and not place.is_dir():
        write_atomically(place, handed_over)
        return (place,)
    return (*_sigstore_files(instance, place), _written(place / FILE_NAME, handed_over))


def _sigstore_files(instance: LocalInstance, folder: Path) -> tuple[Path, ...]:
    names = ("trusted_root.json", "trust_config.json")
    return tuple(_written(folder / name, read_regular(instance.folder / name, MAX_ROOT_BYTES)) for name in names)


def _written(path: Path, data: bytes) -> Path:
    write_atomically(path, data)
    return path


def _refuse_damaged(instance: LocalInstance) -> None:
    """Raise ConfigurationProblem where the root is none: others would be told to believe it."""
    from theodore_loader.trust.signatures import trusted_root

    trusted_root(str(instance.trusted_root_path), read_regular(instance.trusted_root_path, MAX_ROOT_BYTES))
