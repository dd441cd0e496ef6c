"""What a rule's documentation says about mending it."""

from __future__ import annotations

from theodore_plugin.fixes import unused_suppression


def kind(rule: str) -> str:
    """Return ``safe``, ``unsafe`` or ``none``: what `--fix` can do about findings of a rule in general."""
    known = _known().get(rule)
    return "none" if known is None else "safe" if known[0] else "unsafe"


def does(rule: str) -> str | None:
    """Return what the fix does, or ``None`` if there is none."""
    known = _known().get(rule)
    return known[1] if known is not None else None


def _known() -> dict[str, tuple[bool, str]]:
    from theodore_plugin.fixes.book import fixers  # libcst, which only those who fix or explain wait for

    own = {name: (fixer.SAFE, fixer.DOES) for name, fixer in fixers().items()}
    return own | {unused_suppression.RULE: (unused_suppression.SAFE, unused_suppression.DOES)}
