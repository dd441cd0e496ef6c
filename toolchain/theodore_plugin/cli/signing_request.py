"""The options of a command that checks a wheel and then signs something about it, as one argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_plugin.cli import options
from theodore_plugin.cli.signing_choice import Choice, signing_choice

if TYPE_CHECKING:
    from theodore_plugin.cli.signing_run import Checked


@dataclass(frozen=True, slots=True)
class Request:
    """How the wheel is to be checked, against which source, and whose certificate signs."""

    source: str | None
    choice: Choice
    policy: str | None
    audience: str | None
    advisories: str | None

    def checked(self, wheel: Path) -> Checked:
        """Read and check ``wheel`` as asked."""
        from theodore_plugin.cli.signing_run import checked
        from theodore_plugin.settings import Options

        asked = Options(policy=self.policy, audience=self.audience, advisories=self.advisories)
        return checked(wheel, asked, self.source, self.choice.open)


_OPTIONS = (options.signed_source, signing_choice, options.check_policy, options.audience, options.advisories)


def signing_request(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to ``command``, which gets them as one argument: ``request``."""

    @wraps(command)
    def asked(**values: Any) -> Any:
        mine = {name: values.pop(name) for name in Request.__slots__}
        return command(request=Request(**mine), **values)

    decorated: Callable[..., Any] = asked
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
