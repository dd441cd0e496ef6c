"""One line of the access log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One decision on one resource.

    ``ts`` is seconds since the epoch; ``permission`` the permission type and access (``filesystem:read``);
    ``location`` the innermost ``file:line`` of the plugin's own code, where there is one; ``source`` who decided:
    ``hook`` records come from inside the worker, so a hostile plugin can suppress or forge them, ``broker`` and
    ``host`` records cannot be; ``count`` how many equal ones it stands for.
    """

    ts: float
    permission: str
    resource: str
    granted: bool
    location: str | None
    source: str = "hook"
    count: int = 1
