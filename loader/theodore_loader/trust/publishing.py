"""Who published a wheel: the first of the trust file's rules for the plugin's name whose signer signed these bytes."""

from __future__ import annotations

from theodore_loader.errors import Refused
from theodore_loader.trust.bundles import ParsedBundle, parse_bundle
from theodore_loader.trust.files import BUNDLE_SUFFIX, SignedFiles
from theodore_loader.trust.identity import matches
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer
from theodore_loader.trust.trust_file import INIT_COMMAND, Publisher, TrustFile


def find_publisher(
    name: str, files: SignedFiles, sha256: str, trust: TrustFile, signatures: Signatures
) -> tuple[Publisher, Signer]:
    """Return the rule that decides, and who signed.

    Raises ``Refused``: ``signer-not-trusted``, ``unsigned-artifact``, ``digest-mismatch`` or ``signature-invalid``.
    """
    rules = [rule for rule in trust.publishers if any(matches(glob, name) for glob in rule.plugins)]
    if not rules:
        raise _nobody(name, trust, "the trust file names no publisher for it")
    parsed = _bundle(files, sha256)
    strangers = []
    for rule in rules:
        try:
            return rule, signatures.artifact(files.data, parsed, rule.signer)
        except OtherSigner as other:
            strangers.append(str(other))
    raise _nobody(name, trust, strangers[0])


def described(signer: Signer) -> str:
    """Return a signer in words, with the log's entry about the signature."""
    when = f" at {signer.signed_at:%Y-%m-%d %H:%M}Z" if signer.signed_at else ""
    return f"{signer}, log entry {signer.log_index}{when}" if signer.log_index is not None else f"{signer}{when}"


def _bundle(files: SignedFiles, sha256: str) -> ParsedBundle:
    if files.bundle is None:
        raise Refused(
            "unsigned-artifact",
            f"{files.filename} is not signed: no {files.filename}{BUNDLE_SUFFIX} beside it",
            help="theodore-plugin sign WHEEL",
        )
    parsed = parse_bundle(files.bundle)
    signed = parsed.artifact_digest
    if signed not in (None, sha256):
        raise Refused(
            "digest-mismatch",
            f"the bundle is for other bytes: it signs sha256 {signed}, the file has {sha256}",
            help="the wheel was changed after signing, or the bundle is another one's; fetch both again",
        )
    return parsed


def _nobody(name: str, trust: TrustFile, reason: str) -> Refused:
    way_out = INIT_COMMAND if not trust.found else "theodore-plugin trust add-publisher --help"
    lapsed = "".join(f"; root {root.id!r} counted until {root.until}" for root in trust.lapsed)
    where = f"there is no trust file at {trust.path}" if not trust.found else f"{reason}{lapsed}"
    return Refused("signer-not-trusted", f"nobody this host believes has published {name}: {where}", help=way_out)
