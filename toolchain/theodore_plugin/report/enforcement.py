"""Who holds a permission to what was granted: kernel, broker or advisory (``docs/permissions.md``, "Who enforces it").

Told for the ``standard`` tier, Landlock and seccomp; hosts below it refuse to load plugins unless told otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from theodore_loader.permissions import PatternError, Permission
from theodore_sdk.info import PermissionType

FOLDERS = {"data": "/{data}", "cache": "/{cache}", "tmp": "/{tmp}"}
"""Stand for the plugin's own folders, whose places the host decides."""


class Holder(StrEnum):
    """What stands between the plugin and a resource it was not granted."""

    KERNEL = "kernel"
    """Holds even if the plugin defeats everything written in Python."""
    BROKER = "broker"
    """The host does the act on the plugin's behalf, outside the worker."""
    ADVISORY = "advisory"
    """The audit hook inside the worker, which determined code can get around."""
    NOTHING = "nothing"
    """No grant can be made from it, because the pattern has no meaning."""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """One holder, and how precisely it holds."""

    holder: Holder
    precision: str


_BY_TYPE = {
    PermissionType.ENVIRONMENT: Enforcement(Holder.KERNEL, "exact: the worker starts with these variables alone"),
    PermissionType.REGISTRY: Enforcement(Holder.BROKER, "exact: other services are not resolved"),
    PermissionType.SUBPROCESS: Enforcement(Holder.KERNEL, "the granted program files; no others are executed"),
    PermissionType.DYNAMIC_CODE: Enforcement(
        Holder.ADVISORY, "the audit hook; all other layers hold for such code too"
    ),
}
_NATIVE = Enforcement(Holder.ADVISORY, "which library: native code granted is native code granted")
_CONNECT = Enforcement(Holder.BROKER, "exact: host, port and resolved address")
_LISTEN = Enforcement(Holder.KERNEL, "refused: no worker is given a listening socket so far")


def enforcement(kind: str, pattern: str) -> tuple[Enforcement, ...]:
    """Return what holds a declared permission, strongest first; never empty."""
    try:
        permission = Permission.parse(kind, pattern)
    except PatternError as defect:
        return (Enforcement(Holder.NOTHING, f"cannot be granted: {defect.defect}"),)
    if permission.type is PermissionType.NETWORK:
        return (_LISTEN if permission.pattern.startswith("listen:") else _CONNECT,)
    if permission.type is PermissionType.FILE_SYSTEM:
        return _files(permission)
    if permission.type is PermissionType.NATIVE:
        return (_NATIVE,)
    return (_BY_TYPE[permission.type],)


def _files(permission: Permission) -> tuple[Enforcement, ...]:
    root = permission.landlock_root(FOLDERS).replace("/{", "{", 1)
    between = "*" in permission.pattern.removesuffix("/**") and permission.pattern != "*"
    kernel = Enforcement(Holder.KERNEL, f"everything below {root}" if between else "exact: Landlock")
    return (kernel, Enforcement(Holder.ADVISORY, "what lies between that and the pattern")) if between else (kernel,)
