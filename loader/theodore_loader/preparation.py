"""From a wheel, or the name of an installed plugin, to what a worker can be started with: verify, store, environment.

What was verified is what is put on disk and handed on. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.environment import ensure_environment
from theodore_loader.artifact.store import Store
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.installed import Installed, InstalledPlugin
from theodore_loader.manifest import Manifest
from theodore_loader.paths import cache_dir
from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy
from theodore_loader.supervise import own_state
from theodore_loader.trust.files import SignedFiles, read_signed
from theodore_loader.trust.pins import NO_CONSENT, Consent, Pins
from theodore_loader.trust.purpose import Purpose
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.terms import Terms
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified, verify
from theodore_sdk.info import PermissionType, PluginInfo


@dataclass(frozen=True, slots=True)
class Signatures:
    """What is needed to verify stored bytes again: their digest, and what lay beside them."""

    sha256: str
    filename: str
    bundle: bytes | None
    attestations: bytes | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verified plugin with everything on disk that its worker imports.

    ``publisher`` is ``None`` for a wheel the trust file accepts unsigned, by its exact digest.
    """

    manifest: Manifest
    grants: tuple[Permission, ...]
    roots: tuple[Path, ...]
    verification: tuple[str, ...]
    publisher: Signer | None
    signatures: Signatures
    terms: Terms
    agreed: bool = False
    """Whether exactly this wheel was installed here, on these terms."""

    @property
    def info(self) -> PluginInfo:
        """The metadata of the manifest."""
        return self.manifest.info


class Preparation:
    """Verifies plugins for one host.

    Args:
        home: its state folder.
        trust: whom to believe; ``None``: the trust file in ``home``, read anew each time.
        policy: what is allowed.
        find_links: folders of wheels to install locked dependencies from, before the index is asked.

    """

    def __init__(self, home: Path, trust: TrustFile | None, policy: Policy, find_links: Sequence[Path] = ()) -> None:
        self._home = home
        self._trust = trust
        self._policy = policy
        self._find_links = tuple(find_links)

    def install(self, wheel: Path | SignedFiles, consent: Consent = NO_CONSENT) -> InstalledPlugin:
        """Verify a wheel, store it, make its environment, pin it and record it. Raises as :meth:`prepare`.

        ``consent`` is what somebody agreed to who has seen the difference to what was installed before.
        """
        files = wheel if isinstance(wheel, SignedFiles) else read_signed(wheel)
        verified = self._verified(files, "install", consent)
        self._materialised(verified)
        info = verified.manifest.info
        with Pins(self._home).accepting(info.name, verified.terms, consent):
            return Installed(self._home).add(info.name, info.version, verified.wheel.sha256, files)

    def judge(self, wheel: Path | SignedFiles) -> Verified:
        """Verify a wheel as for an installation, but for the pins: whoever asks wants to see the difference first."""
        files = wheel if isinstance(wheel, SignedFiles) else read_signed(wheel)
        return self._verified(files, "install", pinned=False)

    def prepare(self, name_or_wheel: str | Path) -> Prepared:
        """Verify a plugin with the trust of this moment, and put on disk what its worker imports.

        Raises:
            Refused: trust or policy says no; the rule is named.
            ConfigurationProblem: no such plugin or file, a damaged record, a dependency that cannot be fetched.

        """
        if isinstance(name_or_wheel, Path) or name_or_wheel.endswith(".whl"):
            return self._prepared(read_signed(Path(name_or_wheel)))
        installed = Installed(self._home)
        plugin = installed.get(name_or_wheel)
        try:
            return self._installed(plugin)
        except Refused:
            now = installed.get(name_or_wheel)
            if now == plugin:
                raise
            return self._installed(now)  # another version was installed between the two looks

    def _installed(self, plugin: InstalledPlugin) -> Prepared:
        pins = Pins(self._home)
        if pins.get(plugin.name) is None:
            raise ConfigurationProblem(
                f"{plugin.name} is recorded as installed, and nothing is remembered of who published it",
                help=f"install {plugin.name} again, and find out who removed its file from {self._home / 'pins'}",
            )
        data = Store(self._home).open(plugin.sha256).wheel.data
        prepared = self._prepared(Installed(self._home).signed(plugin, data))
        _refuse_other_name(plugin.name, prepared.info.name)
        pins.settle(plugin.name, plugin.sha256)
        return prepared

    def _prepared(self, files: SignedFiles) -> Prepared:
        verified = self._verified(files, "load")
        pin = Pins(self._home).get(verified.manifest.info.name)
        return Prepared(
            manifest=verified.manifest,
            grants=verified.grants.permissions,
            roots=self._materialised(verified),
            verification=tuple(f"{step.number} {step.title}: {step.detail}" for step in verified.steps),
            publisher=verified.publisher,
            signatures=Signatures(verified.wheel.sha256, files.filename, files.bundle, files.attestations),
            terms=verified.terms,
            agreed=pin is not None and pin.accepted(verified.wheel.sha256) is not None,
        )

    def recheck(self, prepared: Prepared) -> None:
        """Decide again about the very same bytes: trust, revocation and what is on disk may have changed.

        Raises:
            Refused: the decision would be another one now.

        """
        known = prepared.signatures
        data = Store(self._home).open(known.sha256).wheel.data
        files = SignedFiles(known.filename, data, known.bundle, known.attestations)
        # what runs was agreed to: that another version was installed meanwhile does not end it
        verified = self._verified(files, "load", pinned=False)
        if verified.grants.permissions != prepared.grants or self._materialised(verified) != prepared.roots:
            raise Refused(
                "policy-denied",
                f"{prepared.info.name} would be granted something else now than when it was loaded",
                help="unload it and load it again",
            )

    def _verified(
        self, files: SignedFiles, purpose: Purpose, consent: Consent = NO_CONSENT, *, pinned: bool = True
    ) -> Verified:
        verified = verify(
            data=files.data,
            filename=files.filename,
            bundle=files.bundle,
            attestations=files.attestations,
            trust=self._trust or TrustFile.of_home(self._home),
            policy=self._policy,
            receipts=Receipts(self._home),
            purpose=purpose,
            pins=Pins(self._home) if pinned else None,
            consent=consent,
        )
        trust = () if self._trust is None else (self._trust.path.parent,)
        own_state.refuse_reaching((self._home, cache_dir(), *trust), verified.grants.permissions)
        return verified

    def _materialised(self, verified: Verified) -> tuple[Path, ...]:
        """Put the verified bytes and the locked dependencies on disk; return the folders to import from."""
        stored = Store(self._home).add(verified.wheel)
        lock = verified.wheel.lock
        if lock is None:
            return (stored.path,)
        native = any(grant.type is PermissionType.NATIVE for grant in verified.grants.permissions)
        site = ensure_environment(
            lock, self._home, plugin=verified.wheel, allow_native=native, find_links=self._find_links
        )
        return stored.path, site


def _refuse_other_name(asked: str, found: str) -> None:
    """Hold what the record of installed plugins led to against the name asked for: the record is no evidence."""
    if asked != found:
        raise ConfigurationProblem(
            f"{asked} is recorded as installed, and the stored wheel is of {found}",
            help=f"install {asked} again, and find out who changed installed.json",
        )
