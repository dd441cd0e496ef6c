"""What the lifecycle methods answer: health and the verdict on a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from theodore_sdk.values import Metadata


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """The state of a plugin at ``last_check`` (timezone-aware, UTC when built here).

    ``message`` is one sentence for an operator; ``details`` are figures for a dashboard.

    Raises:
        ValueError: ``last_check`` carries no timezone.

    """

    is_healthy: bool
    message: str
    details: Metadata = field(default_factory=dict)
    last_check: datetime = field(default_factory=_now)

    def __post_init__(self) -> None:
        if self.last_check.tzinfo is None:
            raise ValueError("last_check needs a timezone, for example datetime.now(UTC)")

    @classmethod
    def healthy(cls, message: str = "Plugin is healthy", details: Metadata | None = None) -> HealthStatus:
        """Return a healthy status, checked now."""
        return cls(is_healthy=True, message=message, details=_copy(details))

    @classmethod
    def unhealthy(cls, message: str, details: Metadata | None = None) -> HealthStatus:
        """Return an unhealthy status, checked now; ``message`` says what is wrong."""
        return cls(is_healthy=False, message=message, details=_copy(details))


def _copy(details: Metadata | None) -> Metadata:
    return dict(details) if isinstance(details, Mapping) else {}


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """The verdict on a configuration, with every problem at once. It never changes; ``with_*`` return a new one.

    Raises:
        ValueError: valid and carrying errors, or invalid and carrying none.

    """

    is_valid: bool
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.is_valid and self.errors:
            raise ValueError("a valid result carries no errors; use ValidationResult.failure(errors)")
        if not self.is_valid and not self.errors:
            raise ValueError("an invalid result says why; give at least one error")

    @classmethod
    def success(cls, warnings: Sequence[str] = ()) -> ValidationResult:
        """Return a valid result."""
        return cls(is_valid=True, warnings=_sentences(warnings))

    @classmethod
    def failure(cls, errors: Sequence[str], warnings: Sequence[str] = ()) -> ValidationResult:
        """Return an invalid result; ``errors`` holds at least one sentence."""
        return cls(is_valid=False, errors=_sentences(errors), warnings=_sentences(warnings))

    def with_error(self, error: str) -> ValidationResult:
        """Return this result, now invalid, with ``error`` added."""
        return ValidationResult(is_valid=False, errors=(*self.errors, error), warnings=self.warnings)

    def with_warning(self, warning: str) -> ValidationResult:
        """Return this result with ``warning`` added; validity is unchanged."""
        return ValidationResult(is_valid=self.is_valid, errors=self.errors, warnings=(*self.warnings, warning))


def _sentences(texts: Sequence[str]) -> tuple[str, ...]:
    # One string is a sequence of strings to a type checker, and would become one error per character.
    if isinstance(texts, str):
        raise TypeError(f"expected a list of sentences, got the text {texts!r}")
    return tuple(texts)
