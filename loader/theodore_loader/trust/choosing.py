"""Which verdict decides, of all that lie beside a wheel: the newest acceptable one, unless one says FAILED. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from theodore_loader.errors import Refused
from theodore_loader.policy import Policy
from theodore_loader.trust.attestations import Attestation
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.statements import Verdict
from theodore_loader.trust.trust_file import Verifier
from theodore_loader.trust.verdicts import Expected, judge
from theodore_sdk.info import PluginInfo


def choose_verdict(
    attestations: Sequence[Attestation], info: PluginInfo, policy: Policy, now: datetime
) -> tuple[Verifier, Signer, Verdict]:
    """Return the rule that lets it count, who signed it, and the verdict.

    A FAILED one under an accepted policy ends the search. Raises ``Refused`` for the newest, if none is acceptable.
    """
    dated = [(one.verdict.time_verified, one, one.verdict) for one in attestations if one.verdict]
    beside = frozenset(one.sha256 for one in attestations)
    refusals = []
    for _, attestation, verdict in sorted(dated, key=lambda entry: entry[0], reverse=True):
        for rule in _speaking(attestation, verdict):
            try:
                judge(verdict, Expected(info, rule, policy, now, beside))
            except Refused as refusal:
                if refusal.rule == "verdict-failed":
                    raise
                refusals.append(refusal)
            else:
                return rule, attestation.signer, verdict
    raise refusals[0]


def _speaking(attestation: Attestation, verdict: Verdict) -> Sequence[Verifier]:
    """Return the rules under which the signer may speak as the verifier it claims to be; judge() refuses the rest."""
    return [rule for rule in attestation.rules if rule.id == verdict.verifier.id] or attestation.rules[:1]
