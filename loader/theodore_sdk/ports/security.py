"""Security: who is asking, and may they."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Proof of identity offered by a caller; ``scheme`` is its kind, such as ``bearer``."""

    scheme: str
    credential: str = field(repr=False)
    """A secret: it stays out of reprs, and must stay out of logs and results."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is acting; ``expires_at`` carries a timezone, ``None`` means no end of its own.

    Raises:
        ValueError: ``expires_at`` carries no timezone.

    """

    subject: str
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise ValueError("expires_at needs a timezone, for example datetime.now(UTC)")


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """The principal that was recognised, or ``None`` and the reason, which never repeats the credential."""

    principal: Principal | None
    reason: str = ""

    @property
    def is_authenticated(self) -> bool:
        """Return whether a principal was recognised."""
        return self.principal is not None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A question: may ``principal`` perform ``action`` (a verb) on ``resource`` (a name)."""

    principal: Principal
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class AuthorizationDecision:
    """The answer, with a reason that may be shown to the caller."""

    allowed: bool
    reason: str


class SecurityPlugin(PluginInterface):
    """Base class of plugins that authenticate and authorise. When in doubt they refuse."""

    category: ClassVar[PluginCategory] = PluginCategory.SECURITY

    @abstractmethod
    async def authenticate(self, request: AuthenticationRequest) -> AuthenticationResult:
        """Recognise a caller; a wrong credential is a result, not an exception."""

    @abstractmethod
    async def authorize(self, request: AuthorizationRequest) -> AuthorizationDecision:
        """Decide on one action; what no rule allows is refused."""
