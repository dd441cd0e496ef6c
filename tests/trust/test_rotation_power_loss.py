"""Power lost at any moment of a rotation: the old instance or the new one is there, trusted, and its log goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import mutants
from power_loss import COMPILER, PowerLoss, unflushed

from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.signing.enrol import enrol_local
from theodore_plugin.signing.local import rotation
from theodore_plugin.signing.local.audit import audit
from theodore_plugin.signing.local.instance import instance_dir, open_or_create

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")

ROTATE = """
import os
os.environ["THEODORE_PLUGIN_HOME"] = str(state / "home")
from theodore_plugin.cli import main
assert main(["trust", "rotate"]) == 0
"""


def test_a_rotation_cut_anywhere_leaves_one_trusted_instance(bench, tmp_path: Path, monkeypatch) -> None:
    scratch, template = tmp_path / "scratch", tmp_path / "template"
    scratch.mkdir()
    (template / "home").mkdir(mode=0o700, parents=True)
    monkeypatch.setenv(HOME_VARIABLE, str(template / "home"))
    enrol_local(bench.policy)
    (before := open_or_create()).trees.ct.append(b"kept", 1)
    changes, states = PowerLoss.build(scratch).cut(ROTATE, template, torn=True, most=mutants(10))
    assert unflushed(changes) == []
    left = set()
    for state in states:
        monkeypatch.setenv(HOME_VARIABLE, str(state / "home"))
        instance = open_or_create()
        left.add("old" if instance.fingerprint == before.fingerprint else "new")
        trust = TrustFile.load(state / "home" / "trust.toml")
        for rules in (trust.publishers, trust.verifiers):
            assert instance.identity in {rule.signer.identity for rule in rules}, state
        instance.trees.ct.append(b"goes on", 1)
        audit(instance)
        assert not [key for old in rotation.predecessors(instance_dir()) for key in old.glob("*.key")]
    assert left == {"old", "new"}
