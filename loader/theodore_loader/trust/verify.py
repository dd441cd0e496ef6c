"""From a wheel's bytes to what it is granted, in numbered steps. Pure but for the trust file's own neighbours.

1 read the bytes once, SHA-256
2 receipt: has exactly this been decided before?
3 publisher: who may publish this name, and did they sign these bytes
4 statements: every attestation authentic, well-formed and about this wheel
5 verdict: by a verifier this host believes, under an accepted policy, passed, complete, recent, resting on what is
  there; provenance and SBOM, where there are any, fit the wheel
6 standing: neither the digest, a signer nor a locked dependency is revoked; nothing that was not agreed to since the
  first version (pins)
7 permissions: what the manifest asks for, against the host's own policy
8 hand on the same bytes, RECORD complete

The archive is opened only after step 3: until somebody trusted vouches for the bytes, nothing but their digest and
their name matters. Any step that cannot be finished refuses; nothing is fetched from anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from packaging.utils import canonicalize_name
from packaging.version import Version

from theodore_loader.artifact.dist_info import parse_filename
from theodore_loader.artifact.lock import LockedPackage, locked_packages
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import Refused
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.policy import Grants, Policy, grants
from theodore_loader.trust.attestations import Attestation, authenticate
from theodore_loader.trust.choosing import choose_verdict
from theodore_loader.trust.files import MAX_WHEEL, SignedFiles
from theodore_loader.trust.origin import check_origin
from theodore_loader.trust.pins import NO_CONSENT, Consent, Pins
from theodore_loader.trust.publishing import described, find_publisher
from theodore_loader.trust.purpose import Purpose
from theodore_loader.trust.receipts import Receipt, Receipts
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.sbom import check_sbom
from theodore_loader.trust.signatures import Signatures, Signer
from theodore_loader.trust.statements import Verdict
from theodore_loader.trust.steps import TITLES, NotVerified, VerifiedStep
from theodore_loader.trust.terms import PinnedSigner, Terms, terms_of
from theodore_loader.trust.trust_file import Publisher, TrustFile, UnsignedException


@dataclass(frozen=True, slots=True)
class Verified:
    """A wheel that passed every step.

    ``publisher``, ``verifier`` and ``verdict`` are ``None`` only for a wheel the trust file accepts unsigned by digest.
    """

    wheel: Wheel
    manifest: Manifest
    publisher: Signer | None
    verifier: Signer | None
    verdict: Verdict | None
    grants: Grants
    steps: tuple[VerifiedStep, ...]
    terms: Terms
    attestations: tuple[Attestation, ...] = ()
    warnings: tuple[str, ...] = ()
    """What lists of revocations have to say about it, short of refusing."""
    marks: tuple[str, ...] = ()
    """The same in a word each, such as ``yanked``."""


def verify(
    files: SignedFiles,
    *,
    trust: TrustFile,
    policy: Policy,
    now: datetime | None = None,
    revocations: Revocations | None = None,
    receipts: Receipts | None = None,
    purpose: Purpose = "load",
    pins: Pins | None = None,
    consent: Consent = NO_CONSENT,
) -> Verified:
    """Verify a wheel as it was read. Raises :class:`NotVerified` with the rule, the step and the steps passed.

    ``purpose`` is what it is for: some revocations block an installation only. ``revocations`` defaults to the lists of
    this user's state folder; ``pins`` is what this host holds the plugin to since it was first installed. With
    ``receipts``, what was authenticated before is not authenticated again, and what is authenticated now is kept. A
    damaged trust root or revocation list raises ConfigurationProblem: this host cannot decide anything.
    """
    moment = now or datetime.now(UTC)
    return _Verification(
        files, trust.at(moment.date()), policy, moment, revocations, receipts, purpose, pins, consent
    ).run()


@dataclass
class _Verification:
    """One run. Every step is a method that fills in what later steps need and returns what it established."""

    files: SignedFiles
    trust: TrustFile
    policy: Policy
    now: datetime
    revocations: Revocations | None
    receipts: Receipts | None
    purpose: Purpose
    pins: Pins | None
    consent: Consent
    steps: list[VerifiedStep] = field(default_factory=list)
    sha256: str = ""
    name: str = ""
    exception: UnsignedException | None = None
    lines: dict[int, int] = field(default_factory=dict)
    rule: Publisher | None = None
    receipt: Receipt | None = None
    publisher: Signer | None = None
    attestations: tuple[Attestation, ...] = ()
    verifier: Signer | None = None
    verdict: Verdict | None = None
    locked: tuple[LockedPackage, ...] = ()

    def run(self) -> Verified:
        self._signatures = Signatures(self.trust.roots)
        walk = (self._1, self._2, self._3, self._4, self._5, self._6, self._7, self._8)
        for number, step in enumerate(walk, 1):
            try:
                detail = step()
            except Refused as refusal:
                raise NotVerified(refusal, number, self.steps) from refusal
            where = f"{self.trust.path}:{self.lines[number]}" if number in self.lines else None
            self.steps.append(VerifiedStep(number, TITLES[number], detail, where))
        return Verified(
            self.wheel,
            self.manifest,
            self.publisher,
            self.verifier,
            self.verdict,
            self.granted,
            tuple(self.steps),
            self.terms,
            self.attestations,
            self.standing.warnings,
            self.standing.marks,
        )

    def _1(self) -> str:
        """1 read the bytes once; from here on the digest is their only name."""
        data = self.files.data
        if len(data) > MAX_WHEEL:
            raise Refused("archive-too-large", f"a wheel may have {MAX_WHEEL:,} bytes", help="ship less in the wheel")
        self.name = parse_filename(self.files.filename).name
        self.sha256 = self.files.sha256
        self.exception = self._unsigned_exception()
        return f"{self.files.filename}, {len(data):,} bytes, sha256 {self.sha256}"

    def _2(self) -> str:
        """2 a receipt spares the cryptography of steps 3 and 4; everything else is judged anew."""
        if self.receipts and not self.exception:
            self.receipt = self.receipts.find(self.files, self.sha256, self.trust)
        if self.receipt is None:
            return "none is used: every step is taken"
        return f"authenticated on {self.receipt.made:%Y-%m-%d %H:%M}Z, and nothing that rests on has changed"

    def _3(self) -> str:
        """3 the publisher rules for this plugin name; the first whose signer signed these bytes decides."""
        if self.exception:
            self.lines[3] = self.exception.line
            return f"unsigned, accepted by its digest until {self.exception.expires}: {self.exception.reason}"
        if self.receipt:
            self.publisher, self.rule = self.receipt.publisher, self.receipt.rule
            self.lines[3] = self.rule.line
            return f"{described(self.publisher)}, by receipt"
        self.rule, self.publisher = find_publisher(self.name, self.files, self.sha256, self.trust, self._signatures)
        self.lines[3] = self.rule.line
        return described(self.publisher)

    def _4(self) -> str:
        """4 every statement: signed by a listed verifier, payload type, predicate type, subject."""
        if self.exception:
            return "none are asked for: accepted by digest"
        self.attestations = (
            self.receipt.attestations
            if self.receipt
            else authenticate(self.files.attestations, self.trust, self._signatures, self.files.filename, self.sha256)
        )
        return f"{len(self.attestations)} about this wheel: {', '.join(_kinds(self.attestations))}"

    def _5(self) -> str:
        """5 the archive, now that its bytes are vouched for, and the newest verdict that decides."""
        self.wheel = self._opened()
        self.manifest = self.wheel.manifest
        self._refuse_another_name()
        if self.exception:
            return "none is asked for: accepted by digest"
        rule, self.verifier, self.verdict = choose_verdict(self.attestations, self.manifest.info, self.policy, self.now)
        self.lines[5] = rule.line
        policy = self.verdict.policy
        said = [
            f"{self.verdict.verification_result} by {self.verdict.verifier.id} on "
            f"{self.verdict.time_verified:%Y-%m-%d %H:%M}Z under policy {policy.uri} ({policy.digest.sha256[:16]}…)",
            self._origin(),
            check_sbom(self.attestations, self.wheel.sbom, self.files.sbom),
        ]
        return "; ".join(filter(None, said))

    def _6(self) -> str:
        """6 how it stands with revocations and pins, outside any receipt: they are looked up on every decision."""
        revocations = self.revocations or Revocations.of(self.trust)
        revocations.refuse_stale(self.now)
        signers = tuple(signer for signer in (self.publisher, self.verifier) if signer)
        registries = revocations.registries(self.name, self.publisher)
        self.locked = self.receipt.locked if self.receipt else locked_packages(self.wheel.lock)
        subject = Subject(self.sha256, self.name, self.wheel.version, registries, signers, self.locked)
        self.standing = revocations.check(subject, self.purpose, accept_yanked=self.consent.yanked)
        said = str(self.standing)
        publisher = PinnedSigner.of(self.publisher, self.trust.roots) if self.publisher else None
        self.terms = terms_of(self.wheel, publisher, self.verdict, self.policy, self.manifest.info)
        if self.pins is None:
            return said
        first = self.purpose == "install" and self.policy.first_installation == "consent"
        return f"{said}; {self.pins.refuse(self.name, self.terms, self.consent, first=first)}"

    def _7(self) -> str:
        """7 declared ∩ policy. What the plugin cannot do without must be granted in full."""
        info = self.manifest.info
        self.granted = grants(info.permissions, self.policy, info.category)
        needed = {Permission(asked.type, asked.pattern) for asked in info.permissions if asked.required}
        refused = [judgement for judgement in self.granted.refused if judgement.permission in needed]
        if refused:
            first = refused[0]
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            raise Refused(
                "policy-denied",
                f"policy {self.policy.name} does not grant {first.permission}{more}: {first.reason}",
                help=f"{first.location} decides; ask its owner, or the author for a version that needs less",
            )
        return f"policy {self.policy.name} grants {', '.join(map(str, self.granted.permissions)) or 'nothing'}"

    def _8(self) -> str:
        """8 what was verified is what is handed on; Wheel.read held every entry against RECORD."""
        if self.receipts and self.publisher and self.rule and not self.receipt:
            receipt = Receipt(self.now, self.publisher, self.rule, self.attestations, self.wheel.contents, self.locked)
            self.receipts.keep(receipt, self.files, self.sha256, self.trust)
        return f"RECORD accounts for all {len(self.wheel.entries)} entries of these bytes"

    def _opened(self) -> Wheel:
        """Return the wheel: its files as they lie unpacked, where those are what a receipt knows to be in it."""
        files = self.files
        if self.receipt and files.unpacked is not None:
            known = Wheel.restored(files.data, files.filename, self.receipt.contents, files.unpacked)
            if known is not None:
                return known
        return Wheel.read(files.data, files.filename)

    def _refuse_another_name(self) -> None:
        """Refuse a manifest of another plugin: publishers are found by the wheel's name, all else by the manifest's."""
        info = self.manifest.info
        if canonicalize_name(info.name) != self.wheel.name or Version(info.version) != Version(self.wheel.version):
            raise Refused(
                "metadata-drift",
                f"the manifest is of {info.name} {info.version}, the wheel of {self.wheel.name} {self.wheel.version}",
                help="a plugin has the name and version of its distribution; package it again",
            )

    def _origin(self) -> str:
        demanded = self.trust.loader.require_provenance
        return check_origin(self.attestations, self.wheel, self.manifest.info.homepage, required=demanded)

    def _unsigned_exception(self) -> UnsignedException | None:
        if self.files.bundle is not None:
            return None
        known = (one for one in self.trust.loader.unsigned if one.sha256 == self.sha256)
        return next((one for one in known if self.now.date() <= one.expires), None)


def _kinds(attestations: Sequence[Attestation]) -> list[str]:
    return [one.kind.label for one in attestations]
