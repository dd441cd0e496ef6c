"""A machine without Landlock, without seccomp, without both: refused by default, weaker only when said so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.sandbox.tier import available
from theodore_loader.trust.decisions.history import newest_first
from theodore_plugin.cli import main

WITHOUT = Path(__file__).parents[2] / "without_kernel_layers.py"
RUN = "import sys; from theodore_plugin.cli import main; sys.exit(main())"
RUN_AS_BEFORE = f"""
from theodore_loader import workshop
from theodore_loader.sandbox.tier import Availability, Tier
workshop.available = lambda wanted: Availability(1, True, True, Tier.STANDARD, ())
{RUN}
"""
"""The same where the machine offered more when it was asked than when the worker confines itself."""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="hides layers that only Linux has"),
    pytest.mark.skipif(not available().seccomp, reason="hides layers by a seccomp filter, which this kernel refuses"),
]


@pytest.fixture
def run_without(build, trusting, tmp_path, monkeypatch, capsys):
    """Return a function that runs ``theodore-plugin run`` on a lesser kernel."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "state"))
    wheel = build()
    trust = ["--trust", str(trusting(wheel).path)]
    assert main(["install", str(wheel.path), *trust]) == 0

    def run(kept, *arguments, program=RUN):
        keep = ["--keep", kept] if kept else []
        command = [sys.executable, "-c", program, "run", "demo-plugin", *arguments, *trust]
        return subprocess.run(
            [sys.executable, str(WITHOUT), *keep, "--", *command], capture_output=True, text=True, timeout=60
        )

    return run


@pytest.mark.parametrize("kept", [None, "landlock", "seccomp"])
def test_loading_is_refused_by_default_with_the_reason(run_without, kept):
    done = run_without(kept, "health_check")
    assert done.returncode == 5
    assert "error[sandbox-tier-unavailable]" in done.stderr
    assert ("seccomp" if kept == "landlock" else "Landlock") in done.stderr
    assert "help: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [RUN, RUN_AS_BEFORE], ids=["asked", "as-before"])
def test_the_refusal_is_in_the_record(run_without, tmp_path, program):
    done = run_without(None, "health_check", program=program)
    assert done.returncode == 5, done.stderr
    newest = next(newest_first(tmp_path / "state"))
    assert (newest.purpose, newest.outcome, newest.rule) == ("load", "refused", "sandbox-tier-unavailable")
    assert newest.plugin == "demo-plugin"
    assert newest.message in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("kept", [None, "landlock", "seccomp"])
def test_a_weaker_tier_is_a_choice_and_says_what_it_does_not_hold(run_without, kept):
    done = run_without(kept, "health_check", "--minimum-tier", "basic")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["is_healthy"] is True
    assert "sandbox: tier basic" in done.stderr
    assert "this tier cannot hold a hostile plugin" in done.stderr
    for missing in {"landlock", "seccomp"} - {kept}:
        assert f"{missing}: not offered by this machine" in done.stderr


def test_the_hook_still_polices_a_weaker_tier(run_without):
    request = json.dumps({"request": {"url": "peek"}})
    done = run_without(None, "scrape_content", "--json", request, "--minimum-tier", "basic")
    assert done.returncode == 1
    assert "filesystem:read denied: /etc/passwd at demo_plugin/plugin.py:" in done.stderr
