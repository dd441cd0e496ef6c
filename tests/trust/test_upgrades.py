"""What takes the place of an installed plugin by itself, what needs somebody's consent, and what is never forgotten."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.artifact.store import Store
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.installed import Installed
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.preparation import Preparation
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.files import read_signed
from theodore_loader.trust.pins import Consent, Pins
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.cli import main
from theodore_plugin.cli.failure import exit_code
from theodore_plugin.signing.enrol import enrol_local
from theodore_sdk.info import PermissionType, PluginPermission

NETWORK = PluginPermission(PermissionType.NETWORK, "reads the pages it is asked for", "api.example.com:443")
MORE = PluginPermission(PermissionType.NETWORK, "reads other pages too", "other.example.com:443")
NAME = "acme-hello"


@dataclass(frozen=True)
class Machine:
    """A host's state folder, whom it believes, and wheels signed by one of two believed instances."""

    home: Path
    trust: Path
    make: Callable[..., Path]
    policy: Any

    @property
    def preparation(self) -> Preparation:
        return Preparation(self.home, TrustFile.load(self.trust), self.policy)

    def install(self, wheel: Path, **consent: Any) -> str:
        return self.preparation.install(wheel, Consent(**consent)).sha256

    def load(self, name_or_wheel: str | Path = NAME) -> str:
        return self.preparation.prepare(name_or_wheel).info.version

    def refused(self, act: Callable[[], object]) -> str:
        with pytest.raises(Refused) as refusal:
            act()
        assert exit_code(refusal.value) == 5
        assert refusal.value.help
        return refusal.value.rule

    def digest(self, wheel: Path) -> str:
        return self.preparation.judge(wheel).wheel.sha256

    @property
    def pin(self) -> Path:
        return self.home / "pins" / f"{NAME}.json"

    @property
    def state(self) -> dict[str, bytes]:
        """What decides: the record and the pins."""
        files = [self.home / "installed.json", *(self.home / "pins").glob("*.json")]
        return {str(path): path.read_bytes() for path in files if path.exists()}


@pytest.fixture(scope="module")
def wheels(workshop, tmp_path_factory) -> Callable[..., Path]:
    """Return a function that makes a signed wheel, the same one for the same question."""
    made: dict[str, Path] = {}

    def make(version: str = "1.0.0", by: str = "default", permissions: Any = (NETWORK,), **options: Any) -> Path:
        key = repr((version, by, permissions, options))
        if key not in made:
            path, wheel = workshop.write(
                tmp_path_factory.mktemp("wheels"), version=version, permissions=permissions, **options
            )
            workshop.sign(path, wheel, workshop.instance(by))
            made[key] = path
        return made[key]

    return make


@pytest.fixture
def machine(workshop, wheels, tmp_path) -> Machine:
    trust = tmp_path / "trust" / "trust.toml"
    for name in ("default", "second"):
        enrol_local(workshop.policy, trust, name)
    return Machine(tmp_path / "home", trust, wheels, workshop.policy)


def test_a_version_with_the_same_terms_takes_the_place_by_itself(machine) -> None:
    machine.install(machine.make("1.0.0"))
    machine.install(machine.make("1.1.0"))
    assert machine.load() == "1.1.0"
    pin = Pins(machine.home).get(NAME)
    assert (pin.highest, pin.installed.version, pin.pending) == ("1.1.0", "1.1.0", None)
    assert pin.installed.publisher.identity.startswith("urn:theodore:local:")
    assert machine.pin.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("known", [True, False], ids=["installed", "removed"])
def test_another_believed_signer_needs_consent_also_after_removal(machine, known: bool) -> None:
    machine.install(machine.make("1.0.0"))
    if not known:
        Installed(machine.home).remove(NAME)
    other = machine.make("1.1.0", by="second")
    before = machine.state
    assert machine.refused(lambda: machine.install(other)) == "signer-changed"
    assert machine.refused(lambda: machine.load(other)) == "signer-changed"
    assert machine.state == before
    machine.install(other, digest=machine.digest(other)[:16])
    assert machine.load() == "1.1.0"
    assert machine.refused(lambda: machine.install(machine.make("1.2.0"))) == "signer-changed"


@pytest.mark.parametrize("known", [True, False], ids=["installed", "removed"])
def test_the_highest_version_is_never_forgotten(machine, known: bool) -> None:
    old, new = machine.make("1.0.0"), machine.make("1.1.0")
    machine.install(new)
    if not known:
        Installed(machine.home).remove(NAME)
    assert machine.refused(lambda: machine.install(old)) == "version-went-back"
    assert machine.refused(lambda: machine.load(old)) == "version-went-back"
    digest = machine.digest(old)
    assert machine.refused(lambda: machine.install(old, digest=digest)) == "version-went-back"
    machine.install(old, downgrade=True)
    assert machine.load() == "1.0.0"
    # what was installed on purpose loads; what was not stays refused, and the mark does not come down
    assert machine.refused(lambda: machine.install(machine.make("1.0.5"))) == "version-went-back"
    assert Pins(machine.home).get(NAME).highest == "1.1.0"


def test_an_old_signed_version_put_back_into_the_record_is_refused_at_load(machine) -> None:
    """The store still holds it, its signatures verify: only what is remembered tells that it was replaced."""
    machine.install(machine.make("1.0.0"))
    record = machine.home / "installed.json"
    old = record.read_bytes()
    machine.install(machine.make("1.1.0"))
    record.write_bytes(old)
    assert machine.refused(machine.load) == "version-went-back"
    machine.install(machine.make("1.1.0"))
    assert machine.load() == "1.1.0"


def test_a_wheel_that_somebody_recorded_by_hand_is_held_to_what_was_agreed_to(machine) -> None:
    """Signed by the pinned signer, higher, in the store and in the record; it still asks for more."""
    machine.install(machine.make("1.0.0"))
    more = machine.make("1.1.0", permissions=(NETWORK, MORE))
    files = read_signed(more)
    stored = Store(machine.home).add(Wheel.read(files.data, files.filename))
    Installed(machine.home).add(NAME, "1.1.0", stored.sha256, files)
    assert machine.refused(machine.load) == "upgrade-needs-consent"


def test_a_file_of_the_pins_that_is_gone_makes_no_first_installation_of_a_load(machine) -> None:
    machine.install(machine.make("1.0.0"))
    machine.pin.unlink()
    with pytest.raises(ConfigurationProblem, match="nothing is remembered") as problem:
        machine.load()
    assert "install acme-hello again" in problem.value.help


def test_more_permissions_need_consent_to_the_very_digest(machine) -> None:
    machine.install(machine.make("1.0.0"))
    more = machine.make("1.1.0", permissions=(NETWORK, MORE))
    same = machine.make("1.1.0", permissions=(NETWORK, MORE), extra=b"# another build\n")
    with pytest.raises(Refused, match=r"it also asks for network other\.example\.com:443") as refusal:
        machine.install(more)
    assert refusal.value.rule == "upgrade-needs-consent"
    digest = machine.digest(more)
    assert f"--accept {digest[:16]}" in refusal.value.help
    assert machine.refused(lambda: machine.load(more)) == "upgrade-needs-consent"
    assert machine.refused(lambda: machine.install(same, digest=digest[:16])) == "upgrade-needs-consent"
    assert machine.load() == "1.0.0"
    machine.install(more, digest=digest[:16])
    assert machine.load() == "1.1.0"
    machine.install(machine.make("1.2.0", permissions=(NETWORK, MORE)))


def test_what_a_wider_pattern_covers_needs_no_consent_and_what_was_given_up_does_again(machine) -> None:
    wide = replace(NETWORK, pattern="*.example.com:443")
    machine.install(machine.make("1.0.0", permissions=(wide,)))
    machine.install(machine.make("1.1.0", permissions=(NETWORK, MORE)))
    assert machine.refused(lambda: machine.install(machine.make("1.2.0", permissions=(wide,)))) == (
        "upgrade-needs-consent"
    )


def test_a_policy_that_demands_a_weaker_sandbox_needs_consent_for_the_next_version(machine) -> None:
    machine.install(machine.make("1.0.0"))
    weaker = replace(machine, policy=replace(machine.policy, minimum_tier="basic"))
    assert weaker.load() == "1.0.0"
    assert weaker.refused(lambda: weaker.install(machine.make("1.1.0"))) == "upgrade-needs-consent"


def test_consent_to_another_wheel_refuses_one_that_would_need_none(machine) -> None:
    machine.install(machine.make("1.0.0"))
    agreed = machine.digest(machine.make("1.1.0"))
    exchanged = machine.make("1.1.0", extra=b"# another build\n")
    assert machine.refused(lambda: machine.install(exchanged, digest=agreed)) == "upgrade-needs-consent"
    assert machine.load() == "1.0.0"


@pytest.mark.parametrize("digest", ["", "9f2c", "*" * 16, "A" * 16, "a" * 65])
def test_consent_that_does_not_name_one_wheel_is_none(digest: str) -> None:
    with pytest.raises(ConfigurationProblem, match="does not name one wheel"):
        Consent(digest)


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: b"",
        lambda document: b"{",
        lambda document: b"[]",
        lambda document: b"[" * 100_000,
        lambda document: b" " * (2 << 20),
        lambda document: json.dumps({**document, "more": 1}).encode(),
        lambda document: json.dumps({**document, "schema": 2}).encode(),
        lambda document: json.dumps({**document, "plugin": "acme-other"}).encode(),
        lambda document: json.dumps({**document, "highest": None}).encode(),
        lambda document: json.dumps({**document, "highest": "newest"}).encode(),
        lambda document: json.dumps(document).replace('"schema": 1', '"schema": 1, "schema": 1').encode(),
        lambda document: json.dumps(document).replace("network api", "network http://api").encode(),
        lambda document: json.dumps(document).replace(document["installed"]["sha256"], "0" * 63).encode(),
    ],
)
def test_damaged_pins_decide_nothing(machine, damage: Callable[[dict[str, Any]], bytes]) -> None:
    wheel = machine.make("1.0.0")
    machine.install(wheel)
    machine.pin.write_bytes(damage(json.loads(machine.pin.read_bytes())))
    before = machine.state
    for act in (machine.load, lambda: machine.load(wheel), lambda: machine.install(wheel)):
        with pytest.raises(ConfigurationProblem) as problem:
            act()
        assert str(machine.pin) in problem.value.message
        assert problem.value.help
    assert machine.state == before


def test_spoilt_pins_are_read_as_pins_or_named_as_damaged(machine) -> None:
    machine.install(machine.make("1.0.0"))
    data, dice = machine.pin.read_bytes(), random.Random(26)
    for _ in range(300):
        spoilt = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        machine.pin.write_bytes(spoilt[: dice.choice([len(spoilt), dice.randrange(len(spoilt))])])
        with suppress(ConfigurationProblem):
            pin = Pins(machine.home).get(NAME)
            assert pin is not None
            assert pin.plugin == NAME
            assert pin.installed is None or pin.installed.asked


def test_pins_that_others_can_write_decide_nothing(machine) -> None:
    machine.install(machine.make("1.0.0"))
    machine.pin.chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        machine.load()


def test_a_root_renewed_under_its_id_is_the_same_and_under_another_id_it_is_not(machine, workshop) -> None:
    """Rotation keeps an authority; somebody else's root that carries a copy of it must not pass for it."""
    machine.install(machine.make("1.0.0"))
    root = next((machine.trust.parent / "roots").iterdir())
    trust = TrustFile.load(machine.trust)
    mine = trust.publishers[0].signer
    renewed = json.loads(trust.roots[mine.root].document)
    renewed["certificateAuthorities"] += json.loads(trust.roots["local-second"].document)["certificateAuthorities"]
    document = json.dumps(renewed).encode()

    def believing(root_id: str) -> Preparation:
        new = replace(trust.roots[mine.root], id=root_id, document=document)
        signer = replace(mine, root=root_id)
        verifiers = tuple(replace(one, signer=signer) for one in trust.verifiers if one.signer == mine)
        return Preparation(
            machine.home,
            replace(
                trust,
                roots={root_id: new},
                publishers=(replace(trust.publishers[0], signer=signer),),
                verifiers=verifiers,
            ),
            machine.policy,
        )

    assert root.exists()
    assert machine.refused(lambda: believing("copied").install(machine.make("1.1.0"))) == "signer-changed"
    believing(mine.root).install(machine.make("1.1.0"))


def test_a_revoked_wheel_is_not_brought_back_by_consent(machine) -> None:
    old = machine.make("1.0.0")
    machine.install(machine.make("1.1.0"))
    entry = {"sha256": machine.digest(old), "action": "block-load", "reason": "it steals", "url": "https://example.com"}
    document = {"schema": 1, "sequence": 1, "issued": datetime.now(UTC).isoformat(), "entries": [entry]}
    path = machine.trust.with_name("revocations.json")
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    assert machine.refused(lambda: machine.install(old, downgrade=True, digest=entry["sha256"])) == "revoked"


def test_of_installations_at_once_the_highest_stays(machine) -> None:
    versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    paths = [machine.make(version) for version in versions]
    machine.install(paths[0])

    def attempt(path: Path) -> object:
        try:
            return machine.install(path)
        except Refused as refusal:
            return refusal.rule

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(attempt, paths * 2))
    assert machine.load() == "1.3.0"
    assert {answer for answer in found if len(str(answer)) != 64} <= {"version-went-back"}


def test_a_failed_record_leaves_the_pin_as_it_was(machine, monkeypatch) -> None:
    machine.install(machine.make("1.0.0"))
    before = machine.state

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Installed, "_keep", full)
    with pytest.raises(OSError, match="No space left"):
        machine.install(machine.make("1.1.0"))
    monkeypatch.undo()
    assert machine.state == before
    assert machine.load() == "1.0.0"


@pytest.mark.parametrize("recorded", [False, True], ids=["before-the-record", "after-it"])
def test_an_installation_that_was_killed_is_the_old_one_or_is_finished_by_the_next_load(machine, recorded) -> None:
    """Every other moment is tried in test_power_loss.py; these are the two that leave terms pending."""
    machine.install(machine.make("1.0.0"))
    new = machine.make("1.1.0", permissions=(NETWORK, MORE))
    consent = Consent(machine.digest(new))
    record = machine.home / "installed.json"
    old = record.read_bytes()
    with Pins(machine.home).accepting(NAME, machine.preparation.judge(new).terms, consent):
        pending = machine.pin.read_bytes()
    machine.preparation.install(new, consent)
    machine.pin.write_bytes(pending)
    if not recorded:
        record.write_bytes(old)
    version = machine.load()
    assert version == ("1.1.0" if recorded else "1.0.0")
    pin = Pins(machine.home).get(NAME)
    assert pin.highest == version
    assert (pin.pending is None) == recorded


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(machine, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv(HOME_VARIABLE, str(machine.home))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([*map(str, arguments), "--trust", str(machine.trust)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_a_first_installation_shows_what_is_granted_and_asks_nobody(machine, command) -> None:
    code, out, err = command("install", machine.make("1.0.0"))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "acme-hello 1.0.0  first installation here"
    assert "asks for      network api.example.com:443  reads the pages it is asked for" in out
    assert "installed acme-hello 1.0.0" in lines
    assert lines[-1].startswith("next: theodore-plugin run acme-hello ")


def test_the_flag_that_a_refusal_names_is_what_installs_it(machine, command) -> None:
    command("install", machine.make("1.0.0"))
    wheel = machine.make("1.1.0", permissions=(NETWORK, MORE))
    code, out, err = command("install", wheel)
    assert code == 5
    assert "+ network other.example.com:443  reads other pages too" in out
    assert err.startswith("error[upgrade-needs-consent]: ")
    flag = re.search(r"theodore-plugin install WHEEL (--accept [0-9a-f]{16})$", err.strip())
    assert flag
    code, out, _ = command("diff", wheel, "--no-code")
    assert code == 1
    assert out.splitlines()[-1] == f"next: theodore-plugin install {wheel} {flag[1]}"
    code, out, _ = command("install", wheel, *flag[1].split())
    assert code == 0
    assert "installed acme-hello 1.1.0" in out.splitlines()
    assert machine.load() == "1.1.0"
    code, out, _ = command("install", wheel)
    assert code == 0
    assert "installed already: acme-hello 1.1.0" in out.splitlines()


def test_a_name_is_the_newest_release_in_the_given_folders(machine, command, tmp_path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0rc1"):
        source = machine.make(version)
        for path in source.parent.glob(f"{source.name}*"):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "acme_hello-9.9.9-cp27-none-any.whl").write_bytes(b"for another interpreter")
    (folder / "no wheel.whl").write_bytes(b"")
    assert command("install", "Acme_Hello==1.0.0", "--find-links", folder)[0] == 0
    assert machine.load() == "1.0.0"
    code, out, _ = command("install", "acme-hello", "--find-links", folder)
    assert code == 0
    assert "acme-hello 1.0.0 (installed) → 1.10.0 (wheel)" in out
    assert machine.load() == "1.10.0"
    for wanted in ("acme-other", "acme-hello==7"):
        code, _, err = command("install", wanted, "--find-links", folder)
        assert code == 2
        assert "that fits this machine" in err
    assert command("install", "acme-hello==x.y", "--find-links", folder)[0] == 2
    assert command("install", "acme-hello")[0] == 2


def test_what_was_uninstalled_is_remembered(machine, command, capsys) -> None:
    command("install", machine.make("1.1.0"))
    assert main(["uninstall", NAME]) == 0
    assert "uninstalled acme-hello 1.1.0" in capsys.readouterr().out
    assert main(["uninstall", NAME]) == 2
    assert "no plugin named 'acme-hello'" in capsys.readouterr().err
    assert command("install", machine.make("1.0.0"))[0] == 5
    assert command("install", machine.make("1.2.0"))[0] == 0


def test_what_is_installed_and_what_was_removed_can_be_compared_by_name(machine, command) -> None:
    command("install", machine.make("1.0.0"))
    other = machine.make("1.1.0", by="second", permissions=(NETWORK, MORE))
    for removed in (False, True):
        if removed:
            Installed(machine.home).remove(NAME)
        code, out, _ = command("diff", NAME, other, "--no-code", "--format", "json")
        assert code == 1
        found = json.loads(out)
        assert [reason["kind"] for reason in found["reasons"]] == ["signer", "permission"]
        assert found["old"]["source"] == ("remembered" if removed else "installed")
        assert found["old"]["signer"]["identity"] != found["new"]["signer"]["identity"]
        assert (found["files"] is None) == removed


@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_terminal_somebody_is_asked(machine, workshop, answer: str) -> None:
    machine.install(machine.make("1.0.0"))
    wheel = machine.make("1.1.0", permissions=(NETWORK, MORE))
    shown, status = _at_a_terminal(
        [sys.executable, "-m", "theodore_plugin", "install", str(wheel), "--trust", str(machine.trust)],
        {**os.environ, HOME_VARIABLE: str(machine.home), "TERM": "xterm", "COLUMNS": "80"},
        answer,
    )
    assert "other.example.com:443" in shown
    assert "install it on these terms?" in shown
    assert status == (0 if answer == "y" else 5), shown
    assert machine.load() == ("1.1.0" if answer == "y" else "1.0.0")


def _at_a_terminal(argv: list[str], environment: dict[str, str], answer: str) -> tuple[str, int]:
    """Run a command in a terminal of its own, answer its question, and return what it showed and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := _read(ours):
            shown += chunk
            if b"[y/N]" in shown and answer:
                os.write(ours, f"{answer}\n".encode())
                answer = ""
        return shown.decode(), process.wait(timeout=300)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def test_a_policy_can_demand_consent_to_a_first_installation(machine, command) -> None:
    policy = machine.home.parent / "careful.yaml"
    policy.write_text("schema: 1\nname: careful\nextends: default\nfirst_installation: consent\n")
    wheel = machine.make("1.0.0")
    code, out, err = command("install", wheel, "--policy", policy)
    assert code == 5
    assert "asks for      network api.example.com:443" in out
    assert err.startswith("error[upgrade-needs-consent]: acme-hello 1.0.0 does not come in by itself: ")
    assert command("install", wheel, "--policy", policy, "--accept", machine.digest(wheel)[:16])[0] == 0
    assert command("install", machine.make("1.1.0"), "--policy", policy)[0] == 0


def test_verify_tells_what_a_load_would_be_refused_for(machine, command) -> None:
    command("install", machine.make("1.1.0"))
    code, _, err = command("verify", machine.make("1.0.0"))
    assert code == 5
    assert err.startswith("error[version-went-back]: ")
    code, out, _ = command("verify", machine.make("1.2.0"))
    assert code == 0
    assert "no more than 1.1.0, which was installed" in out


def test_consent_is_recorded_with_what_it_was_given_to(machine, command) -> None:
    command("install", machine.make("1.0.0"))
    wheel = machine.make("1.1.0", permissions=(NETWORK, MORE))
    command("install", wheel)
    command("install", wheel, "--accept", machine.digest(wheel)[:16])
    recorded = list(newest_first(machine.home, NAME))[::-1]
    assert [(entry.purpose, entry.outcome, entry.rule) for entry in recorded] == [
        ("install", "accepted", None),
        ("install", "refused", "upgrade-needs-consent"),
        ("upgrade", "accepted", None),
    ]
    assert "agreed to: it also asks for network other.example.com:443" in recorded[-1].steps[5].detail


def test_an_installation_looks_at_the_bill_of_materials_beside_the_wheel(machine, tmp_path) -> None:
    source = machine.make("1.0.0")
    for path in source.parent.glob(f"{source.name}*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "acme_hello-1.0.0.cdx.json").write_text('{"bomFormat": "CycloneDX"}')
    assert machine.refused(lambda: machine.install(tmp_path / source.name)) == "sbom-mismatch"
