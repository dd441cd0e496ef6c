"""Permissions that are harmless alone and not together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.info import PermissionType

Test = Callable[[Permission], bool]
SECRET_VARIABLE = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)", re.IGNORECASE)
_DECLARED = 'PluginPermission(PermissionType.{}, "{}", pattern={!r})'


def _declare(*items: tuple[str, str, str]) -> str:
    return plugin(permissions=f"[{', '.join(_DECLARED.format(*item) for item in items)}]")


RULE = Rule(
    name="permission-combination",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="Two declared permissions together let secrets out, or foreign code in.",
    why="Each was judged alone: reading keys is fine without a way out, any host is fine with nothing to tell it.",
    remedy="Narrow one of the two to what the plugin needs.",
    bad=(
        Example(
            _declare(("NETWORK", "Reads any page", "*"), ("ENVIRONMENT", "Signs in", "ACME_API_KEY")),
            "a secret, and any host to send it to",
        ),
        Example(
            _declare(("NETWORK", "Fetches tools", "*.example.com"), ("SUBPROCESS", "Runs tools", "bash")),
            "a download, and a shell to run it",
        ),
    ),
    good=(
        Example(
            _declare(("NETWORK", "Reads pages", "api.example.com:443"), ("ENVIRONMENT", "Signs in", "ACME_API_KEY")),
            "a secret for one host",
        ),
        Example(
            _declare(("NETWORK", "Reads any page", "*"), ("FILE_SYSTEM", "Keeps pages", "rw:{data}/**")),
            "any host, and nothing of anybody's to send",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every pair of declarations; the second one is where the finding stands."""
    declared = tuple(_readable(context))
    for first, second, danger in PAIRS:
        one = next((item for _, item in declared if first(item)), None)
        number, other = next(((number, item) for number, item in declared if second(item)), (0, None))
        if one is not None and other is not None:
            where = context.where(f"/permissions/{number}")
            yield report(RULE, where, f"{one} together with {other} {danger}")


def _readable(context: RuleContext) -> Iterator[tuple[int, Permission]]:
    for number, declared in enumerate(context.declared):
        try:
            yield number, Permission.parse(declared.type, declared.pattern)
        except PatternError:
            continue


def _any_host(permission: Permission) -> bool:
    return _connects(permission) and permission.overbroad is not None


def _connects(permission: Permission) -> bool:
    return permission.type is PermissionType.NETWORK and not permission.pattern.startswith("listen:")


def _secret(permission: Permission) -> bool:
    named = SECRET_VARIABLE.search(permission.pattern) is not None
    return permission.type is PermissionType.ENVIRONMENT and (named or permission.overbroad is not None)


def _foreign_files(permission: Permission) -> bool:
    return permission.type is PermissionType.FILE_SYSTEM and not permission.pattern.partition(":")[2].startswith("{")


def _runs_anything(permission: Permission) -> bool:
    if permission.type is PermissionType.SUBPROCESS:
        return permission.overbroad is not None
    return permission.type is PermissionType.DYNAMIC_CODE


PAIRS: tuple[tuple[Test, Test, str], ...] = (
    (_any_host, _secret, "can send a secret to anybody"),
    (_any_host, _foreign_files, "can send files of the machine to anybody"),
    (_connects, _runs_anything, "can run what it downloads"),
)
"""What is dangerous together, and why."""
