"""The rules under which a host refuses a wheel (``theodore_loader.trust``), for ``explain`` and the pages.

They are never findings of a check. What each of them means for a host is in ``docs/guide/trust.md``.
"""

from __future__ import annotations

from theodore_plugin.finding import Confidence, Rule, Severity, Silencer


def _rule(name: str, summary: str, why: str, remedy: str, silencer: Silencer = Silencer.NOBODY) -> Rule:
    return Rule(name, Severity.ERROR, Confidence.HIGH, silencer, summary, why, remedy)


TRUST_RULES: tuple[Rule, ...] = (
    _rule(
        "unsigned-artifact",
        "No publisher's bundle (`WHEEL.sigstore.json`) lies beside the wheel.",
        "Without a signature nobody answers for the bytes, and anybody on the way can have changed them.",
        "Sign it: `theodore-plugin sign WHEEL`. A host's owner can accept one exact digest for a limited time: "
        "`allow_unsigned_sha256` in the trust file.",
        Silencer.POLICY,
    ),
    _rule(
        "digest-mismatch",
        "The bytes are not those that were signed or locked.",
        "The file was changed, damaged on the way, or lies beside the signature of another one.",
        "Fetch the wheel and its bundle again from where they were published; if you built it, sign it again.",
    ),
    _rule(
        "signature-invalid",
        "The bundle is malformed, or its signature, certificate or log entry does not verify.",
        "A signature that cannot be verified completely, transparency log included, proves nothing.",
        "Fetch the bundle again, or sign again. If it keeps happening, somebody is tampering: keep the files.",
    ),
    _rule(
        "signer-not-trusted",
        "Whoever signed is not named by the trust file for this purpose: publishing this plugin, or judging it.",
        "A valid signature says who signed, not that this host wants their plugins. Identities are compared exactly "
        "or by anchored globs, always together with issuer and root.",
        "If you do believe the signer: `theodore-plugin trust add-publisher` or `trust add-verifier`. On a fresh "
        "machine: `theodore-plugin trust init`.",
    ),
    _rule(
        "verdict-missing",
        "No signed verdict lies beside the wheel.",
        "A signature says who made the wheel; only a verdict says that it was checked, and with what result.",
        "Check and sign it: `theodore-plugin sign WHEEL`.",
    ),
    _rule(
        "verdict-invalid",
        "An attestation is malformed, of an unknown type, too large, dated in the future, or leaves permissions out.",
        "What is not understood completely cannot be relied on.",
        "Check and sign again with a version of theodore-plugin that this host knows.",
    ),
    _rule(
        "verdict-subject-mismatch",
        "The verdict is about another wheel: another digest, file name, or version.",
        "A PASSED verdict about a harmless wheel is the obvious thing to put beside a harmful one.",
        "Put the attestations of this very wheel beside it, or check and sign it.",
    ),
    _rule(
        "verdict-policy-mismatch",
        "The verdict was made under a policy the trust file does not accept from this verifier.",
        "PASSED under a policy that allows everything means nothing.",
        "Check again under an accepted policy (`theodore-plugin sign --policy NAME`), or accept the policy's digest.",
    ),
    _rule(
        "verdict-failed",
        "The verdict is FAILED.",
        "A verifier this host believes found the plugin wanting.",
        "See what it found: `theodore-plugin check WHEEL`.",
    ),
    _rule(
        "verdict-stale",
        "The verdict, or the vulnerability data it rests on, is older than the policy or the trust file accepts.",
        "Vulnerabilities are found after wheels are checked.",
        "Refresh the advisories, then check and sign again.",
        Silencer.POLICY,
    ),
    _rule(
        "verdict-incomplete",
        "A required check did not run, or files were not looked at.",
        "What was not looked at must not look clean.",
        "Install the missing tools and check again; the report says what was not looked at.",
    ),
    _rule(
        "verdict-input-missing",
        "The verdict rests on a statement that is not among those beside the wheel.",
        "A verdict names the statements it considered by their digests. If one of them was exchanged or taken away, "
        "the verifier judged something else than what lies here.",
        "Fetch the attestations again from where the wheel was published, or check and sign the wheel again.",
    ),
    _rule(
        "provenance-missing",
        "The host demands provenance, and its publisher states no commit the wheel was built from.",
        "Without it nobody can hold the wheel against its source, so nobody can see what was added on the way.",
        "Commit, build with `theodore-plugin package`, then sign: `package` leaves what `sign` needs beside the wheel. "
        "Or have `sign --source` rebuild it.",
        Silencer.POLICY,
    ),
    _rule(
        "provenance-source-mismatch",
        "The provenance names another repository or commit than the wheel, the certificate, or the source it is held "
        "against.",
        "A wheel built from a fork, or from a tree that was never published, can carry a trusted name and other code.",
        "Build from the repository that the wheel's `Project-URL: Source` names, or correct that address.",
        Silencer.POLICY,
    ),
    _rule(
        "sbom-mismatch",
        "The SBOM beside the wheel, the one inside it and the signed one are not all the same.",
        "People and scanners read the file beside the wheel; it must not tell them another story than the wheel.",
        "Fetch all files again from where the wheel was published, or package and sign again.",
    ),
    _rule(
        "revoked",
        "The wheel's digest, a signer from a moment on, or this version of its registry is on a list of revocations.",
        "The list's owner learnt something after the signature was made: a stolen key, a malicious release. A plugin "
        "that runs is stopped.",
        "Read the reason and the address that are printed; use another version. Which list says so: "
        "`theodore-plugin revocations check NAME`.",
    ),
    _rule(
        "version-yanked",
        "Whoever offers this version does not want it to be installed any more; where it is installed it stays.",
        "A version is yanked because it is broken, not because it is malicious: hosts that run it are not stopped by "
        "that, and no further one should begin to.",
        "Install another version. If it has to be this one: `theodore-plugin install --allow-yanked WHEEL`.",
    ),
    _rule(
        "revocation-list-stale",
        "A revocation list has expired, is older than the trust file allows, or missing where one is demanded.",
        "Whoever can hold back the list can keep a revoked plugin alive.",
        "Take in the current list: `theodore-plugin revocations update FILE|URL`; the owner's own belongs beside the "
        "trust file.",
        Silencer.POLICY,
    ),
    _rule(
        "revocation-list-invalid",
        "A revocation list is malformed, too large, dated in the future, or the list of another revoker.",
        "A list that is not understood completely may leave out the very entry that matters, and one that speaks in "
        "another's name can stop plugins that are none of its business.",
        "Fetch it again from where its revoker publishes it. The list in place stays in force.",
    ),
    _rule(
        "revocation-list-went-back",
        "A revocation list is older than one that was seen of this revoker, or another one with the same number.",
        "An old list is authentic, and lacks what was revoked since: putting it back is how a revocation is undone by "
        "whoever cannot sign.",
        "Take in the newest list. A revoker who has lost count goes on from the highest number ever published.",
    ),
    _rule(
        "signer-changed",
        "The wheel is signed by another signer than the version that was installed here before.",
        "The trust file may believe several signers about one name. That a plugin changes hands is still what happens"
        " when an account is taken over, an abandoned name is registered anew, or a wheel comes from a fork. Root, "
        "issuer, identity and the numbers of repository and owner are compared; a workflow's tag is not.",
        "Ask the publisher, not by the means the wheel came with. If it is right: look at `theodore-plugin diff NAME "
        "WHEEL`, then `theodore-plugin install WHEEL --accept DIGEST` with the digest that was shown.",
        Silencer.POLICY,
    ),
    _rule(
        "version-went-back",
        "The version is lower than the highest that was ever installed here.",
        "A signature does not age: whoever can hand out an old, signed version can bring back every hole that was "
        "mended since. The highest version is remembered, also after the plugin was removed.",
        "Install a newer version. If you want this one: `theodore-plugin install WHEEL --allow-downgrade`; a "
        "revocation holds nevertheless.",
    ),
    _rule(
        "upgrade-needs-consent",
        "The new version reaches further than the one accepted before, or less was done to judge it.",
        "Whoever takes over a plugin's release account would otherwise reach every host that runs it, with whatever "
        "the new version asks for. Without being asked, a new version may not ask for more permissions, bring machine"
        " code or make code where the old one did not, change its category, be held by a weaker sandbox, or come with"
        " a weaker verdict.",
        "Look at the difference: `theodore-plugin diff NAME WHEEL`. If you accept it: `theodore-plugin install WHEEL "
        "--accept DIGEST` with the digest that was shown. It counts for exactly this wheel.",
    ),
    _rule(
        "decision-not-recorded",
        "The decision to accept a plugin cannot be written to the record of decisions.",
        "What a host accepts without a trace cannot be explained afterwards, and whoever fills the disk could choose "
        "what leaves none. So an acceptance that cannot be recorded is a refusal; a refusal stands in any case.",
        "Make room on the disk, or make `decisions` in the state folder writable for the host's user and nobody else.",
    ),
    _rule(
        "decision-record-broken",
        "The record of decisions was cut, changed or added to: an entry does not follow the one before.",
        "The record says why plugins were loaded and refused. Somebody who wrote into it had something to hide, or the "
        "disk lost what was written; in both cases what it says from there on is not evidence.",
        "Find out who could write there, and what else they changed. Keep the folder `decisions` of the state folder "
        "as evidence by moving it away: the next decision begins a new record.",
    ),
)
