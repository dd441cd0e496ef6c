"""From a wheel, or the name of an installed plugin, to what a worker can be started with: verify, store, environment.

What was verified is what is put on disk and handed on. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from theodore_loader.artifact.environment import ensure_environment
from theodore_loader.artifact.store import Store
from theodore_loader.deciding import Case, Recorder, subject_of
from theodore_loader.errors import ConfigurationProblem, LoaderError, Refused
from theodore_loader.installed import Installed, InstalledPlugin
from theodore_loader.paths import cache_dir
from theodore_loader.policy import Policy
from theodore_loader.prepared import TO_LOAD, Judged, Prepared, Signatures, Wanted
from theodore_loader.supervise import own_state
from theodore_loader.trust.decisions import Decisions, RecordedPurpose
from theodore_loader.trust.files import SignedFiles, read_signed
from theodore_loader.trust.grounds import Grounds, state_of
from theodore_loader.trust.known_trees import KnownTrees
from theodore_loader.trust.pins import NO_CONSENT, Consent, Pins
from theodore_loader.trust.purpose import Purpose
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.trust_file import FILE_NAME, TrustFile
from theodore_loader.trust.verify import Verified, verify
from theodore_sdk.info import PermissionType

__all__ = ["ATTEMPTS", "Judged", "Preparation", "Prepared", "Wanted"]
ATTEMPTS = 3
"""So often everything installed is judged, if what decides about it changes meanwhile."""


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
        self._recorder = Recorder(Decisions(home))
        self._store = Store(home)
        self._index = Installed(home)
        self._pins = Pins(home)
        self._receipts = Receipts(home)
        self._read: TrustFile | None = None

    def install(self, wheel: Path | SignedFiles, consent: Consent = NO_CONSENT) -> InstalledPlugin:
        """Verify a wheel, store it, make its environment, pin it and record it. Raises as :meth:`prepare`.

        ``consent`` is what somebody agreed to who has seen the difference to what was installed before.
        """
        files = wheel if isinstance(wheel, SignedFiles) else read_signed(wheel)
        with self._recorder.deciding("install" if consent == NO_CONSENT else "upgrade", files) as case:
            verified = self._verified(case, self._grounds(), "install", consent)
            self._materialised(verified, files)
            info = verified.manifest.info
            with self._pins.accepting(info.name, verified.terms, consent):
                self._recorder.accept(case)
                return self._index.add(info.name, info.version, verified.wheel.sha256, files)

    def judge(self, wheel: Path | SignedFiles, consent: Consent = NO_CONSENT) -> Verified:
        """Verify a wheel as for an installation, but for the pins: whoever asks wants to see the difference first.

        Nothing comes of it, so it is not recorded.
        """
        files = wheel if isinstance(wheel, SignedFiles) else read_signed(wheel)
        return self._verified(Case("verify", files), self._grounds(), "install", consent, pinned=False)

    def prepare(self, name_or_wheel: str | Path, wanted: Wanted = TO_LOAD) -> Prepared:
        """Verify a plugin with the trust of this moment, and put on disk what its worker imports.

        Raises:
            Refused: trust or policy says no, or the decision cannot be recorded; the rule is named.
            ConfigurationProblem: no such plugin or file, a damaged record, a dependency that cannot be fetched.

        """
        if isinstance(name_or_wheel, Path) or name_or_wheel.endswith(".whl"):
            return self._prepared(read_signed(Path(name_or_wheel)), wanted)
        plugin = self._index.get(name_or_wheel)
        try:
            return self._installed(plugin, wanted)
        except Refused:
            now = self._index.get(name_or_wheel)
            if now == plugin:
                raise
            return self._installed(now, wanted)  # another version was installed between the two looks

    def verify_installed(self) -> tuple[Judged, ...]:
        """Decide about everything that is installed, and put on disk what is missing of it.

        What the decisions rest on is read once; the bytes of every plugin are hashed and judged as for a load. What is
        refused is told, and keeps no other from being judged. If trust file or revocation lists change meanwhile, all
        are judged again: no answer rests on what does not hold any more.

        Raises:
            ConfigurationProblem: the trust file or the record of installed plugins is damaged, or what decides does not
                keep still: nothing can be decided.

        """
        for _ in range(ATTEMPTS):
            grounds = self._grounds()
            wanted = Wanted("verify", grounds=grounds)
            judged = tuple(self._judged(plugin, wanted) for plugin in self._index.all().values())
            self.flush()
            if grounds.still_hold(self._grounds()):
                return judged
        raise ConfigurationProblem(
            f"the trust file or a revocation list changed while the plugins were judged, {ATTEMPTS} times in a row",
            help=f"find out what keeps writing to {self._home}, and start again",
        )

    def flush(self) -> None:
        """Put on disk what was recorded, and leave nothing to do for later."""
        self._recorder.flush()

    def _judged(self, plugin: InstalledPlugin, wanted: Wanted) -> Judged:
        try:
            return Judged(plugin, self._installed(plugin, wanted))
        except (LoaderError, OSError) as problem:
            return Judged(plugin, None, problem)

    def _installed(self, plugin: InstalledPlugin, wanted: Wanted) -> Prepared:
        if self._pins.get(plugin.name) is None:
            raise ConfigurationProblem(
                f"{plugin.name} is recorded as installed, and nothing is remembered of who published it",
                help=f"install {plugin.name} again, and find out who removed its file from {self._home / 'pins'}",
            )
        files = self._store.files(plugin.sha256, plugin.filename, *self._index.signatures(plugin))
        prepared = self._prepared(files, replace(wanted, name=plugin.name))
        self._pins.settle(plugin.name, plugin.sha256)
        return prepared

    def _prepared(self, files: SignedFiles, wanted: Wanted) -> Prepared:
        with self._recorder.deciding(wanted.purpose, files) as case:
            grounds = wanted.grounds or self._grounds()
            verified = self._verified(case, grounds, self._purpose(files, wanted))
            _refuse_other_name(wanted.name, verified.manifest.info.name)
            pin = self._pins.get(verified.manifest.info.name)
            prepared = Prepared(
                manifest=verified.manifest,
                grants=verified.grants.permissions,
                roots=self._materialised(verified, files),
                verification=tuple(f"{step.number} {step.title}: {step.detail}" for step in verified.steps),
                publisher=verified.publisher,
                signatures=Signatures(verified.wheel.sha256, files.filename, files.bundle, files.attestations),
                terms=verified.terms,
                marks=verified.marks,
                warnings=verified.warnings,
                stamp=grounds.stamp,
                agreed=pin is not None and pin.accepted(verified.wheel.sha256) is not None,
            )
            if wanted.demand is not None:
                wanted.demand(prepared)
            self._recorder.accept(case)
            return prepared

    def stamp(self) -> object:
        """Return what changes when a revocation list or the trust file does. Reads no list, and never raises."""
        with suppress(ConfigurationProblem, OSError):
            return self._grounds().stamp
        return None

    def _purpose(self, files: SignedFiles, wanted: Wanted) -> Purpose:
        """Tell what loading is: a wheel that is loaded from where it lies comes onto this host by that."""
        if wanted.name is not None:
            return "load"
        return "load" if any(one.sha256 == files.sha256 for one in self._index.all().values()) else "install"

    def recheck(self, prepared: Prepared) -> tuple[str, ...]:
        """Decide again about the very same bytes: trust, revocation and what is on disk may have changed.

        Returns what lists of revocations say against them, short of refusing.

        Raises:
            Refused: the decision would be another one now.
            ConfigurationProblem: nothing can be decided now, for a file that cannot be read.

        """
        try:
            return self._rechecked(prepared)
        except OSError as problem:
            raise ConfigurationProblem(
                f"{prepared.info.name} cannot be judged again: {problem}", help="make the named file readable again"
            ) from problem

    def _rechecked(self, prepared: Prepared) -> tuple[str, ...]:
        known = prepared.signatures
        files = self._store.files(known.sha256, known.filename, known.bundle, known.attestations)
        with self._recorder.deciding("load", files) as case:
            # what runs was agreed to: that another version was installed meanwhile does not end it
            verified = self._verified(case, self._grounds(), "load", pinned=False)
            roots = self._materialised(verified, files)
            if verified.grants.permissions != prepared.grants or roots != prepared.roots:
                raise Refused(
                    "policy-denied",
                    f"{prepared.info.name} would be granted something else now than when it was loaded",
                    help="unload it and load it again",
                )
            self._recorder.accept(case)
            return verified.warnings

    def refuse(self, prepared: Prepared, purpose: RecordedPurpose, problem: Refused) -> None:
        """Record that a plugin is refused which had been accepted: its worker did not reach what is demanded."""
        self._recorder.refuse(purpose, subject_of(prepared.info, prepared.signatures.sha256), problem)

    def _grounds(self) -> Grounds:
        trust = self._trust
        state = state_of(trust.path if trust else self._home / FILE_NAME)
        if trust is None:
            self._read = trust = TrustFile.of_home(self._home, self._read)
        return Grounds.of(self._home, trust, self._policy, self._pins, self._receipts, state)

    def _verified(
        self, case: Case, grounds: Grounds, purpose: Purpose, consent: Consent = NO_CONSENT, *, pinned: bool = True
    ) -> Verified:
        case.grounds = grounds
        verified = verify(
            case.files,
            trust=grounds.trust,
            policy=grounds.policy,
            revocations=grounds.revocations,
            receipts=grounds.receipts,
            purpose=purpose,
            pins=grounds.pins if pinned else None,
            consent=consent,
        )
        case.verified = verified
        place = () if self._trust is None else (self._trust.path.parent,)
        own_state.refuse_reaching((self._home, cache_dir(), *place), verified.grants.permissions)
        return verified

    def _materialised(self, verified: Verified, files: SignedFiles) -> tuple[Path, ...]:
        """Put the verified bytes and the locked dependencies on disk; return the folders to import from."""
        wheel = verified.wheel
        # the files on disk are what was verified, or else they are held against it now
        path = self._store.tree(wheel.sha256) if wheel.entries is files.unpacked else self._store.add(wheel).path
        lock = wheel.lock
        if lock is None:
            return (path,)
        native = any(grant.type is PermissionType.NATIVE for grant in verified.grants.permissions)
        site = ensure_environment(
            lock,
            self._home,
            plugin=wheel,
            allow_native=native,
            find_links=self._find_links,
            known=KnownTrees(self._home),
        )
        return path, site


def _refuse_other_name(asked: str | None, found: str) -> None:
    """Hold what the record of installed plugins led to against the name asked for: the record is no evidence."""
    if asked not in (None, found):
        raise ConfigurationProblem(
            f"{asked} is recorded as installed, and the stored wheel is of {found}",
            help=f"install {asked} again, and find out who changed installed.json",
        )
