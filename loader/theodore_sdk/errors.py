"""What a plugin may raise or meet.

::

    PluginError
    ├── PluginConfigurationError     the configuration does not fit the schema, or a key is missing
    ├── PluginSecurityError
    │   └── PluginPermissionError    an act outside the grants: permission, resource, line
    └── ResourceLimitExceeded        a limit of PluginResourceLimits was reached
"""

from __future__ import annotations


class PluginError(Exception):
    """Base of everything the plugin system raises at a plugin or on its behalf."""


class PluginConfigurationError(PluginError):
    """The configuration does not fit the plugin's schema, or a required key is missing."""


class PluginSecurityError(PluginError):
    """The plugin did something its sandbox forbids."""


class PluginPermissionError(PluginSecurityError):
    """An act outside the grants.

    ``permission`` is the permission type and access (``network``, ``filesystem:write``), ``resource``
    what was asked for, ``location`` the plugin's own ``file:line`` where known, ``enforced_by`` the
    layer that refused (``audit hook``, ``broker``, ``kernel``).
    """

    def __init__(
        self, permission: str, resource: str, *, location: str | None = None, enforced_by: str = "audit hook"
    ) -> None:
        self.permission = permission
        self.resource = resource
        self.location = location
        self.enforced_by = enforced_by
        where = f" at {location}" if location else ""
        super().__init__(f"{permission} denied: {resource}{where} (refused by the {enforced_by}){_remedy(self)}")


def _remedy(denied: PluginPermissionError) -> str:
    """Return what to declare where that is plain: a host and a port no permission covers."""
    host, _, port = str(denied.resource).rpartition(":")
    if denied.permission != "network" or not host or not port.isdigit() or any(letter in host for letter in " '\"/@"):
        return ""
    return f'; no permission covers it: declare PermissionType.NETWORK with pattern="{denied.resource}"'


class ResourceLimitExceeded(PluginError):
    """A limit of :class:`~theodore_sdk.info.PluginResourceLimits` was reached; ``limit`` names it."""

    def __init__(self, limit: str, message: str) -> None:
        self.limit = limit
        super().__init__(message)
