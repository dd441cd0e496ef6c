"""A profile as a voice: it leaves nothing to choose but where the advisory data and the dependencies lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theodore_plugin.settings.origin import Said, Voice

if TYPE_CHECKING:
    from theodore_plugin.settings.profile import Profile


def profile_voice(profile: Profile) -> Voice:
    """Return what a profile says."""
    says = {
        "policy": profile.policy.name,
        "audience": profile.terms.audience,
        "persona": "regular",
        "select": (),
        "ignore": (),
        "min_severity": None,
        "min_confidence": None,
        "baseline": None,
        "as_library": profile.terms.as_library,
    }
    if profile.terms.advisories is None:
        says["advisories"] = "off"
    origin = f"profile {profile.name}"
    return Voice(origin, {name: Said(value, origin) for name, value in says.items()}, binding=True)
