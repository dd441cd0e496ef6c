"""Power lost at any moment: afterwards there is what was there before, or what was to come, and nothing between."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from campaign import mutants
from power_loss import COMPILER, PowerLoss, unflushed

from theodore_loader.installed import Installed
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.policy import load_policy
from theodore_loader.preparation import Preparation
from theodore_loader.trust.edit import TrustEditor
from theodore_loader.trust.files import SignedFiles, read_signed
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.trust_file import Revoker, TrustFile
from theodore_loader.trust.verify import Verified, verify
from theodore_plugin.cli import main
from theodore_plugin.signing.instances import local
from theodore_plugin.signing.local.audit import audit

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")

MOST = mutants(12)
CARELESS = """
(state / "file").write_text("new" * 4000)
(state / "other").rename(state / "moved")
(state / "moved").write_text("new")
(state / "moved").rename(state / "again")
"""
INSTALL = """
import os
os.environ["THEODORE_PLUGIN_HOME"] = str(state / "home")
from theodore_plugin.cli import main
assert main(["install", str(next((state / "new").glob("*.whl")))]) == 0
"""


SIGN = f"""
import os, sys
os.environ["THEODORE_PLUGIN_HOME"] = str(state / "home")
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conftest import passing_report
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.policy import load_policy
from theodore_plugin.signing.instances import local
from theodore_plugin.signing.sign import sign
path = next((state / "new").glob("*.whl"))
wheel, policy = Wheel.read(path.read_bytes(), path.name), load_policy("default")
sign(path, wheel, passing_report(wheel, policy), policy, local())
"""

UPDATE = """
import os
os.environ["THEODORE_PLUGIN_HOME"] = str(state / "home")
from theodore_plugin.cli import main
assert main(["revocations", "update", str(state / "new" / "team.sigstore.json")]) == 0
"""


@pytest.fixture
def power(tmp_path: Path) -> PowerLoss:
    scratch = tmp_path / "power"
    scratch.mkdir()
    return PowerLoss.build(scratch)


def test_the_harness_finds_what_a_careless_program_does(power, tmp_path) -> None:
    careless = tmp_path / "careless"
    careless.mkdir()
    for name in ("file", "other"):
        (careless / name).write_text("old")
    changes, states = power.cut(CARELESS, careless, torn=True)
    assert [problem.split()[:3] for problem in unflushed(changes)] == [
        ["moved", "became", "again"],
        ["the", "name", "moved"],
        ["the", "name", "again"],
    ]
    assert {(state / "file").read_text() for state in states} == {"old", "new" * 2000, "new" * 4000}


@pytest.fixture
def template(workshop, tmp_path: Path) -> Path:
    """A home with the workshop's trust in it, and a signed upgrade beside it."""
    folder = tmp_path / "template"
    for name, mode in (("new", 0o755), ("home", 0o700), ("home/instances", 0o700)):
        (folder / name).mkdir(mode, parents=True)
    shutil.copy2(workshop.home / "trust.toml", folder / "home")
    for name in ("roots", "instances/default", "cache/policies"):  # and nothing that other tests have left there
        shutil.copytree(workshop.home / name, folder / "home" / name)
    return folder


@pytest.mark.parametrize(
    "torn", [pytest.param(False, id="between", marks=pytest.mark.thorough), pytest.param(True, id="within")]
)
def test_an_upgrade_leaves_the_old_version_or_the_new_one(workshop, template, power, torn, tmp_path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    preparation = Preparation(template / "home", None, load_policy("default"))
    preparation.install(workshop.bench(old).path)
    workshop.bench(template / "new", version="1.3.0")
    changes, states = power.cut(INSTALL, template, torn=torn, most=MOST)
    assert unflushed(changes) == []
    found = set()
    for state in states:
        after = Preparation(state / "home", None, load_policy("default"))
        plugin = Installed(state / "home").get("acme-hello")
        assert after.prepare("acme-hello").info.version == plugin.version
        found.add(plugin.version)
        after.install(next((state / "new").glob("*.whl")))
        assert after.prepare("acme-hello").info.version == "1.3.0"
    assert found == {"1.2.0", "1.3.0"}


def test_a_signature_is_there_with_all_its_statements_or_not_at_all(workshop, template, power) -> None:
    path, wheel = workshop.write(template / "new")
    changes, states = power.cut(SIGN, template, torn=True, most=MOST)
    assert unflushed([change for change in changes if "sqlite3" not in change.path.name]) == []
    found = set()
    for state in states:
        signed = read_signed(state / "new" / path.name)
        if signed.bundle is None:
            found.add("unsigned")
        else:
            found.add("signed")
            assert verified(state, signed).verdict
        instance = local(home=state / "home")
        workshop.sign(state / "new" / path.name, wheel, instance)
        assert verified(state, read_signed(state / "new" / path.name)).verdict
        assert audit(instance.instance)
    assert found == {"unsigned", "signed"}


def test_the_list_of_revocations_is_the_old_one_or_the_new_one(template, power, monkeypatch) -> None:
    home, signed = template / "home", template / "new" / "team.sigstore.json"
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    with TrustEditor(home / "trust.toml") as editor:
        editor.add_revoker(Revoker("team", TrustFile.of_home(home).publishers[0].signer))
    for sequence in (1, 2):
        entry = ("--sha256", f"{sequence}" * 64, "--reason", "stolen", "--url", "https://example.com/1")
        assert main(["revocations", "add", str(signed), "--revoker", "team", *entry]) == 0
        if sequence == 1:
            assert main(["revocations", "update", str(signed)]) == 0
    changes, states = power.cut(UPDATE, template, torn=True, most=MOST)
    assert unflushed(changes) == []
    found = set()
    for state in states:
        found.add(in_force(state))
        monkeypatch.setenv(HOME_VARIABLE, str(state / "home"))
        assert main(["revocations", "update", str(state / "new" / "team.sigstore.json")]) == 0
        assert in_force(state) == (1, 2)
    assert found == {(1,), (1, 2)}


def in_force(state: Path) -> tuple[int, ...]:
    """Return which of the two digests would be refused. A list that does not count refuses everything, and fails."""
    lists = Revocations.of(TrustFile.of_home(state / "home"), state / "home")
    lists.refuse_stale(datetime.now(UTC))
    return tuple(n for n in (1, 2) if lists.about(Subject(f"{n}" * 64, "x", "1.0")))


def verified(state: Path, signed: SignedFiles) -> Verified:
    return verify(signed, trust=TrustFile.of_home(state / "home"), policy=load_policy("default"))
