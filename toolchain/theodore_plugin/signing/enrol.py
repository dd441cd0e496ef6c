"""Teaching this machine's trust file about this machine's own signing instance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from theodore_loader.policy import Policy
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.trust_file import Publisher, SignerRule, TrustFile, Verifier
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.signing.local.instance import DEFAULT_NAME, ISSUER, LocalInstance, open_or_create


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The instance that is now trusted, where that is written, and under which policy its verdicts count."""

    instance: LocalInstance
    trust_file: Path
    policy: Policy


def enrol_local(policy: Policy, path: Path | None = None, name: str = DEFAULT_NAME) -> Enrolled:
    """Trust the local instance as publisher of any plugin and as verifier under ``policy``.

    Creates the instance and the trust file if they are missing, and adds only what is not there yet: run it again
    with another policy to accept verdicts under that one, too.
    """
    instance = open_or_create(name)
    _refuse_damaged(instance)
    place = path or TrustFile.default_path()
    root = "local" if name == DEFAULT_NAME else f"local-{name}"
    signer = SignerRule(root, ISSUER, instance.identity)
    with TrustEditor(place) as editor:
        editor.add_root(root, instance.trusted_root_path.read_bytes())
        editor.add_publisher(Publisher(("*",), signer), "this machine's own instance may publish any plugin")
        verifier = Verifier(instance.identity, signer, frozenset({policy.digest}))
        editor.add_verifier(verifier, f"what this machine checked itself, under policy {policy.name}")
    return Enrolled(instance, place, policy)


def export(instance: LocalInstance, folder: Path) -> tuple[Path, ...]:
    """Write what other machines and plain sigstore tools need to verify; no secret is among it."""
    _refuse_damaged(instance)
    written = []
    for name in ("trusted_root.json", "trust_config.json"):
        write_atomically(folder / name, (instance.folder / name).read_bytes())
        written.append(folder / name)
    return tuple(written)


def _refuse_damaged(instance: LocalInstance) -> None:
    """Raise ConfigurationProblem where the root is none: others would be told to believe it."""
    from theodore_loader.trust.signatures import trusted_root

    trusted_root(str(instance.trusted_root_path), instance.trusted_root_path.read_bytes())
