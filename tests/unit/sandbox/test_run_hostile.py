"""Profiles that starve the confining process itself, and malformed answers."""

from __future__ import annotations

import sys

import pytest

from theodore_loader.errors import TierUnavailable, WorkerCrashed
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import _achieved, run_confined
from theodore_loader.sandbox.tier import Tier

pytestmark = pytest.mark.kernel


def test_profile_without_descriptors_does_not_run_unconfined(work):
    profile = Profile(read=interpreter.read_paths(), open_files=1)
    with pytest.raises(TierUnavailable, match="landlock is offered and could not be set up"):
        run_confined([sys.executable, "-c", "print(1)"], profile, cwd=work, env={}, timeout=120)


def test_profile_without_memory_does_not_run_unconfined(work):
    profile = Profile(read=interpreter.read_paths(), memory_bytes=1 * MIB)
    try:
        done = run_confined([sys.executable, "-c", "print(1)"], profile, cwd=work, env={}, timeout=120)
    except (WorkerCrashed, TierUnavailable):
        return
    # The confining process had enough left of what it allocated before; the program itself cannot start.
    assert done.achieved.tier is Tier.STANDARD
    assert (done.stdout, done.returncode == 0) == (b"", False)


@pytest.mark.parametrize("status", [b"", b"{", b"\xff\xfe", b'{"achieved": '])
def test_answer_that_breaks_off_is_a_crash(status):
    with pytest.raises(WorkerCrashed, match="tool was not started: the confining process ended with status -9"):
        _achieved(status, -9, "tool")


@pytest.mark.parametrize("field", ["read", "sockets", "memory_bytes"])
def test_profile_survives_the_wire(field):
    profile = Profile(read=("/a", "/b"), sockets="outbound", memory_bytes=7, symlinks=True, cpu_seconds=3)
    assert getattr(Profile.from_json(profile.to_json()), field) == getattr(profile, field)
    assert Profile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize("data", [b"", b"[]", b'{"unknown": 1}', b"\xff"])
def test_malformed_profile_is_refused(data):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Profile.from_json(data)
