"""Replacing this machine's instance: new authority, new logs, new identity; the old keys are destroyed.

Sigstore clients do not enforce end dates of keys, and an old log's keys can date a signature as they please. So a
rotation rests on two facts it can bring about itself: the old private keys no longer exist, and the host's own clock
ends the old root's time (``until`` in the trust file). Where a key may have been copied neither helps, and the old root
goes at once.

Order, each step whole: build the new instance, trust it beside the old one, replace the folder, destroy the old keys,
limit the old root. Killed in between, the old instance or the new one is there and trusted.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.trust_file import INIT_COMMAND, MAX_ROOT_BYTES, SignerRule, TrustFile
from theodore_plugin.signing.exchange import LOCAL_IDENTITY, free_root_id, known_root, wanted_root_id
from theodore_plugin.signing.local import rotation
from theodore_plugin.signing.local.documents import RekorVersion
from theodore_plugin.signing.local.instance import (
    DEFAULT_NAME,
    LocalInstance,
    build,
    exists,
    instance_dir,
    open_instance,
)

KEEP_DAYS = 90


@dataclass(frozen=True, slots=True)
class Rotated:
    """The new instance and its root's id; the old root's id, if that was trusted; its last day, if it has one."""

    instance: LocalInstance
    root: str | None
    old_root: str | None
    until: date | None
    trust_file: Path


def rotate(
    today: date,
    *,
    keep_days: int = KEEP_DAYS,
    compromised: bool = False,
    rekor: RekorVersion | None = None,
    trust_file: Path | None = None,
    name: str = DEFAULT_NAME,
) -> Rotated:
    """Replace the instance. The old root counts for ``keep_days`` more, or, if ``compromised``, no longer at all.

    Works for an instance that is damaged, too: nothing of it is needed but its trusted root.
    """
    folder, place = instance_dir(name), trust_file or TrustFile.default_path()
    if not exists(name):
        raise ConfigurationProblem("this machine has no signing instance yet", help=INIT_COMMAND)
    with rotation.changing(folder):
        rotation.finish(folder)
        built = build(folder, rekor or _chosen(folder))
        try:
            roots = _trust_successor(place, folder, open_instance(built), compromised=compromised)
        except BaseException:
            shutil.rmtree(built, ignore_errors=True)
            raise
        rotation.decide(folder, built)
        rotation.finish(folder)
    root, old_root = roots or (None, None)
    until = None if compromised or old_root is None else today + timedelta(days=keep_days)
    if until is not None and old_root is not None:
        with TrustEditor(place) as editor:
            editor.limit_root(old_root, until)
    return Rotated(open_instance(folder), root, old_root, until, place)


def _chosen(folder: Path) -> RekorVersion:
    try:
        return open_instance(folder).rekor
    except ConfigurationProblem:
        return 1


def _trust_successor(place: Path, folder: Path, new: LocalInstance, *, compromised: bool) -> tuple[str, str] | None:
    """Give the new instance what the old one was granted; returns the ids of both roots, if the old one had any."""
    old_document = _document(folder)
    if old_document is None or not place.exists():
        return None
    with TrustEditor(place) as editor:
        old_root = known_root(editor.trust, old_document)
        if old_root is None:
            return None
        root = free_root_id(editor.trust.roots, wanted_root_id(folder.name), new.fingerprint)
        editor.add_root(root, read_regular(new.trusted_root_path, MAX_ROOT_BYTES))
        _copy_rules(editor, old_root, root, new)
        if compromised:
            editor.remove_root(old_root, with_rules=True)
    return root, old_root


def _copy_rules(editor: TrustEditor, old_root: str, root: str, new: LocalInstance) -> None:
    comment = f"in place of root {old_root}"

    def signer(rule: SignerRule) -> SignerRule:
        return replace(rule, root=root, identity=_renamed(rule.identity, new))

    for publisher in editor.trust.publishers:
        if publisher.signer.root == old_root:
            editor.add_publisher(replace(publisher, signer=signer(publisher.signer)), comment)
    for verifier in editor.trust.verifiers:
        if verifier.signer.root == old_root:
            renamed = replace(verifier, id=_renamed(verifier.id, new), signer=signer(verifier.signer))
            editor.add_verifier(renamed, comment)
    for revoker in editor.trust.revokers:
        if revoker.signer.root == old_root:
            raise ConfigurationProblem(
                f"revoker {revoker.id!r} signs its lists with this instance; its id can name one root only",
                help="point its [[revoker]] at another signer first, or remove it; then rotate",
            )


def _renamed(identity: str, new: LocalInstance) -> str:
    """Return the new instance's identity for an old one's; a team's members keep theirs."""
    return new.identity if identity.startswith(LOCAL_IDENTITY) else identity


def _document(folder: Path) -> bytes | None:
    try:
        return read_regular(folder / "trusted_root.json", MAX_ROOT_BYTES)
    except OSError:
        return None
