"""Webhooks: tell another system that something happened."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """Something that happened. ``id`` stays the same when an event is delivered again.

    Raises:
        ValueError: ``occurred_at`` carries no timezone.

    """

    id: str
    type: str
    occurred_at: datetime
    payload: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise ValueError("occurred_at needs a timezone, for example datetime.now(UTC)")


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """What came of a delivery.

    ``status_code`` is the receiver's HTTP status, ``None`` when no answer came or the channel is not HTTP;
    ``is_retryable`` says whether trying again later makes sense.
    """

    event_id: str
    delivered: bool
    attempts: int = 1
    status_code: int | None = None
    error: str | None = None
    is_retryable: bool = False


class WebhookPlugin(PluginInterface):
    """Base class of plugins that pass events on."""

    category: ClassVar[PluginCategory] = PluginCategory.WEBHOOK

    @abstractmethod
    async def deliver_event(self, event: WebhookEvent) -> WebhookDelivery:
        """Pass one event on; a receiver that refuses is a result, not an exception."""

    async def accepts_event(self, event_type: str) -> bool:
        """Return whether events of this type are wanted; by default all are."""
        return True
