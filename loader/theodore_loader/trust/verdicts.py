"""Is this verdict good enough? The steps a VSA's consumer owes (SLSA VSA 1.0, "How to verify"), and ours.

Pure: takes an authenticated verdict and what is expected, returns nothing or raises ``Refused``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from theodore_loader.errors import Refused
from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy import Policy
from theodore_loader.trust.statements import CHECK_PASSED, Verdict, resource_uri
from theodore_loader.trust.trust_file import Verifier
from theodore_sdk.info import PluginInfo

CLOCK_SKEW = timedelta(minutes=5)
_RECHECK = "check and sign the wheel again: theodore-plugin sign"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the verdict is held against: the plugin, the rule that names the verifier, the policy, what lies beside."""

    info: PluginInfo
    verifier: Verifier
    policy: Policy
    now: datetime
    statements: frozenset[str]
    """Payload digests of the authentic statements beside the wheel."""

    @property
    def max_age(self) -> timedelta:
        """How old the verdict may be: the stricter of trust file and policy."""
        days = self.policy.verdict_max_age_days
        return timedelta(days=min(days, self.verifier.max_age_days or days))


def judge(verdict: Verdict, expected: Expected) -> None:
    """Raise ``Refused`` unless the verdict is one this host can rest on."""
    _about_this_plugin(verdict, expected)
    _under_an_accepted_policy(verdict, expected)
    _passed(verdict)
    _inputs_at_hand(verdict, expected)
    _recent(verdict, expected)
    _nothing_ended(verdict, expected)
    _advisories_recent(verdict, expected.policy)
    _complete(verdict, expected.policy)
    _permissions_covered(verdict, expected.info)


def _about_this_plugin(verdict: Verdict, expected: Expected) -> None:
    if verdict.verifier.id != expected.verifier.id:
        raise Refused(
            "signer-not-trusted",
            f"the verdict's signer may not speak as verifier {verdict.verifier.id!r}",
            help=f"the trust file pairs this signer with verifier {expected.verifier.id!r}",
        )
    wanted = resource_uri(expected.info.name, expected.info.version)
    if verdict.resource_uri != wanted:
        raise Refused(
            "verdict-subject-mismatch", f"the verdict is about {verdict.resource_uri}, not {wanted}", help=_RECHECK
        )


def _under_an_accepted_policy(verdict: Verdict, expected: Expected) -> None:
    digest = verdict.policy.digest.sha256
    if digest not in expected.verifier.policies:
        raise Refused(
            "verdict-policy-mismatch",
            f"the verdict was made under policy {verdict.policy.uri} (sha256 {digest[:16]}…), "
            "which the trust file does not accept",
            help="check again under an accepted policy (`theodore-plugin sign --policy NAME`), "
            f"or add the digest to the verifier's policies: {digest}",
        )


def _passed(verdict: Verdict) -> None:
    if verdict.verification_result != "PASSED" or CHECK_PASSED not in verdict.verified_levels:
        raise Refused("verdict-failed", "the verifier's verdict is FAILED", help="see `theodore-plugin check WHEEL`")


def _inputs_at_hand(verdict: Verdict, expected: Expected) -> None:
    """Refuse a verdict that rests on statements which are not there: they were exchanged or taken away since."""
    missing = [given for given in verdict.input_attestations if given.digest.sha256 not in expected.statements]
    if missing:
        first = missing[0]
        raise Refused(
            "verdict-input-missing",
            f"the verdict rests on a statement that is not beside the wheel, or by nobody this host believes: "
            f"{first.uri[:120]} (sha256 {first.digest.sha256[:16]}…)",
            help="fetch the attestations again from where the wheel was published, or check and sign it again",
        )


def _recent(verdict: Verdict, expected: Expected) -> None:
    age = expected.now - verdict.time_verified
    if age < -CLOCK_SKEW:
        raise Refused(
            "verdict-invalid",
            f"the verdict is dated {verdict.time_verified:%Y-%m-%d %H:%M}Z, in the future",
            help="check this machine's clock, and the verifier's",
        )
    if age > expected.max_age:
        raise Refused(
            "verdict-stale",
            f"the verdict is {age.days} days old; {expected.max_age.days} are accepted",
            help=_RECHECK,
        )


def _nothing_ended(verdict: Verdict, expected: Expected) -> None:
    """Refuse a verdict that passed only because of an exception that has ended since, or whose end is no day."""
    for one in verdict.extension.exceptions:
        try:
            ended = date.fromisoformat(one.until) < expected.now.date()
        except ValueError:
            raise Refused(
                "verdict-invalid", f"the verdict's exception ends on {one.until!r}, which is no day", help=_RECHECK
            ) from None
        if ended and one.excepted:
            raise Refused(
                "verdict-stale",
                f"the verdict rests on an exception of {', '.join(one.rules)} that ended on {one.until}",
                help=f"ask {one.owner}, or fix what was accepted; then check and sign again",
            )


def _advisories_recent(verdict: Verdict, policy: Policy) -> None:
    """Hold the vulnerability data against the policy as of the day of the verdict; the verdict's own age is bounded."""
    database = verdict.extension.advisories
    if database is None or database.date is None or policy.advisories.on_stale != "incomplete":
        return
    try:
        dated = datetime.fromisoformat(database.date).date()
    except ValueError:
        raise Refused(
            "verdict-invalid", f"the verdict's advisory date {database.date!r} is no date", help=_RECHECK
        ) from None
    age = verdict.time_verified.date() - dated
    if age > timedelta(days=policy.advisories.max_age_days):
        raise Refused(
            "verdict-stale",
            f"the verdict rests on vulnerability data that was {age.days} days old; "
            f"the policy accepts {policy.advisories.max_age_days}",
            help="refresh the advisories, then check and sign again",
        )


def _complete(verdict: Verdict, policy: Policy) -> None:
    extension = verdict.extension
    optional = {check.name for check in extension.checks if not check.required}
    ran = {check.name for check in extension.checks if check.status in ("passed", "empty")}
    required = {check.name for check in extension.checks if check.required}
    required |= {name for name, setting in policy.scanners.items() if setting.required and setting.enabled}
    gaps = [f"{name} did not run" for name in sorted(required - ran)]
    gaps += [
        f"{row.analyser} did not look at {row.failed} {row.unit}(s)"
        for row in extension.coverage
        if row.failed and row.analyser not in optional
    ]
    if not any(row.analysed for row in extension.coverage):
        gaps.append("it accounts for no file at all")
    if gaps:
        raise Refused("verdict-incomplete", f"the verdict does not cover everything: {'; '.join(gaps)}", help=_RECHECK)


def _permissions_covered(verdict: Verdict, info: PluginInfo) -> None:
    judged = list(_parsed(verdict.extension.permissions.declared))
    for asked in info.permissions:
        permission = Permission(asked.type, asked.pattern)
        if not any(known.covers(permission) for known in judged):
            raise Refused(
                "verdict-invalid",
                f"the manifest asks for {permission}, which the verifier did not judge",
                help=_RECHECK,
            )


def _parsed(texts: Iterable[str]) -> Iterable[Permission]:
    for text in texts:
        try:
            yield Permission.from_text(text)
        except PatternError as error:
            raise Refused(
                "verdict-invalid", f"the verdict lists {text!r}, which is no permission: {error}", help=_RECHECK
            ) from None
