"""``policy lint``: what is valid in a policy and does not do what its author may think.

Only what stands in the file itself is remarked on; what it extends is linted on its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

from theodore_loader.policy.model import Entry, PermissionRules, Policy, PolicyException
from theodore_sdk.info import PermissionType

FAR_DAYS = 365
"""An exception that ends later than this from today is hardly one."""
_CODE = (PermissionType.SUBPROCESS, PermissionType.NATIVE, PermissionType.DYNAMIC_CODE)


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A doubt about one line of a policy, and what to do about it."""

    place: str
    message: str
    help: str


def lint(policy: Policy, label: str, tools: Collection[str], today: date) -> tuple[Remark, ...]:
    """Return every doubt about the lines of the file called ``label``, in the order of its lines.

    ``tools`` are the scanners there are: what a rule ``tool/ID`` may begin with.
    """
    doubts = [
        *_permissions(policy),
        *_categories(policy),
        *_limits(policy),
        *_levels(policy, tools),
        *_scanners(policy),
        *_suppressions(policy),
        *_exceptions(policy, tools, today),
        *_packages(policy),
    ]
    own = {remark for remark in doubts if remark.place.rpartition(":")[0] == label}
    return tuple(sorted(own, key=lambda remark: (int(remark.place.rpartition(":")[2]), remark)))


def _permissions(policy: Policy) -> Iterator[Remark]:
    for kind, rules in policy.permissions.items():
        yield from _reach(rules.allow, rules)
        yield from _idle_denials(rules.deny, rules.allow, f"no {kind.value} permission like it is allowed anyway")
        yield from _broad(kind, rules)


def _reach(entries: Sequence[Entry], rules: PermissionRules) -> Iterator[Remark]:
    """Doubt allow entries that never decide."""
    for number, entry in enumerate(entries):
        pattern = entry.permission
        denied = next((one for one in rules.deny if one.permission.overlaps(pattern)), None)
        if denied is not None and denied.permission.covers(pattern):
            yield Remark(
                entry.location, f"{pattern} is never allowed: {denied.location} denies it", "remove one of the two"
            )
        above = next((one for other, one in enumerate(entries) if _makes_idle(one, entry, other < number)), None)
        if above is not None:
            yield Remark(
                entry.location, f"{pattern} is allowed already by {above.permission.pattern} ({above.location})",
                "remove the narrower entry, or the wider one if it was not meant",
            )  # fmt: skip


def _makes_idle(one: Entry, entry: Entry, earlier: bool) -> bool:
    """Whether ``one`` allows everything that ``entry`` does; of two equals the ``earlier`` one decides.

    ``*`` makes nothing idle: a name beside "anything" says what is known, is allowed though over-broad, and outlives
    the star.
    """
    if one.permission == entry.permission:
        return earlier
    return one.permission.pattern != "*" and one.permission.covers(entry.permission)


def _idle_denials(denied: Sequence[Entry], allowed: Sequence[Entry], why: str) -> Iterator[Remark]:
    for entry in denied:
        if not any(one.permission.overlaps(entry.permission) for one in allowed):
            yield Remark(entry.location, f"the denial of {entry.permission} does nothing: {why}", "remove it")


def _broad(kind: PermissionType, rules: PermissionRules) -> Iterator[Remark]:
    for entry in rules.allow:
        anything = entry.permission.pattern == "*"
        if anything and (kind in _CODE or not rules.refuse_overbroad):
            what = "any code at all" if kind in _CODE else "anything, over-broad requests included"
            yield Remark(entry.location, f"{kind.value} *: allows {what}", "name what plugins need")
        elif not anything and entry.permission.overbroad:
            message = f"{entry.permission} is broad: {entry.permission.overbroad}"
            yield Remark(entry.location, message, "name what plugins need")


def _categories(policy: Policy) -> Iterator[Remark]:
    for category, ceiling in policy.categories.items():
        for kind, rules in ceiling.permissions.items():
            allowed = policy.rules_for(kind).allow
            why = f"a ceiling only takes away, and the policy allows no {kind.value} permission like it"
            for entry in rules.allow:
                if not any(one.permission.overlaps(entry.permission) for one in allowed):
                    message = f"{entry.permission} is not allowed by this: {why}"
                    yield Remark(entry.location, message, f"allow it under permissions.{kind.value} as well")
            yield from _reach(rules.allow, rules)
            yield from _idle_denials(rules.deny, allowed, why)
        for name, most in ceiling.limits.items():
            if most >= getattr(policy.limits, name):
                place = policy.place("categories", category.value, "limits", name)
                message = f"{name} {most:g} does nothing: the policy's own limit is {getattr(policy.limits, name):g}"
                yield Remark(place, message, "a ceiling only takes away: raise the policy's limit, or remove this one")


def _limits(policy: Policy) -> Iterator[Remark]:
    programs = policy.rules_for(PermissionType.SUBPROCESS)
    if programs.allow and policy.limits.max_subprocess_count == 0:
        message = "programs are allowed, and max_subprocess_count 0 lets none run"
        yield Remark(programs.location, message, "raise limits.max_subprocess_count, or allow no programs")
    if policy.minimum_tier == "none":
        message = "minimum_tier none: plugins run without any confinement the kernel holds"
        yield Remark(policy.place("minimum_tier"), message, "standard is what verdicts are made for")


def _levels(policy: Policy, tools: Collection[str]) -> Iterator[Remark]:
    for name, setting in policy.rules.items():
        yield from _tool(name, setting.location, tools)
    for audience, rules in policy.audiences.items():
        for name, setting in rules.items():
            yield from _tool(name, setting.location, tools)
            if policy.rules.get(name) == setting:
                message = f"{name} has the same level for everybody, so audience {audience} changes nothing"
                yield Remark(setting.location, message, "remove one of the two")


def _tool(rule: str, place: str, tools: Collection[str]) -> Iterator[Remark]:
    tool, slash, _ = rule.partition("/")
    if slash and tool not in tools:
        close = get_close_matches(tool, tools, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(tools))}"
        yield Remark(place, f"{rule}: there is no scanner {tool}", hint)


def _scanners(policy: Policy) -> Iterator[Remark]:
    for name, setting in policy.scanners.items():
        if setting.enabled:
            continue
        for question in ("required", "enforced"):
            written = policy.places.get(f"scanners.{name}.{question}")
            if written and getattr(setting, question):
                message = f"{name} is switched off, so that it is {question} says nothing"
                yield Remark(written, message, "switch it on, or leave this out")


def _suppressions(policy: Policy) -> Iterator[Remark]:
    place = policy.place("suppressions", "allow")
    for rule in sorted(policy.suppressions):
        setting = policy.rules.get(rule)
        if setting is not None and setting.level == "off":
            yield Remark(place, f"{rule} is off, so nobody needs to suppress it", f"see {setting.location}")


def _exceptions(policy: Policy, tools: Collection[str], today: date) -> Iterator[Remark]:
    for one in policy.exceptions:
        what = f"the exception of {', '.join(one.rules)} for {one.plugin or 'sha256:' + str(one.sha256)[:16]}"
        if one.until < today:
            yield Remark(one.location, f"{what} ended on {one.until}", "remove it, or argue for a later day")
        elif one.until > today + timedelta(days=FAR_DAYS):
            yield Remark(one.location, f"{what} ends only on {one.until}", "an exception is looked at once a year")
        for rule in one.rules:
            yield from _idle_exception(rule, one, policy)
            yield from _tool(rule, one.location, tools)


def _idle_exception(rule: str, one: PolicyException, policy: Policy) -> Iterator[Remark]:
    setting = policy.rules.get(rule)
    if setting is not None and setting.level == "off":
        yield Remark(one.location, f"{rule} is off, so there is nothing to except", f"see {setting.location}")


def _packages(policy: Policy) -> Iterator[Remark]:
    first: dict[str, str] = {}
    for package in policy.forbidden_packages:
        if package.name in first:
            yield Remark(package.location, f"{package.name} is forbidden already", f"see {first[package.name]}")
        first.setdefault(package.name, package.location)
