"""Every decision of a host is recorded before it takes effect, and ``why`` says why."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.preparation import Preparation, Wanted
from theodore_loader.trust import trust_file
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.trust_file import parse as parse_trust
from theodore_plugin.cli import main
from theodore_plugin.signing.enrol import enrol_local

NAME = "acme-hello"


@pytest.fixture(scope="module")
def wheels(workshop, tmp_path_factory) -> Path:
    """Three plugins, signed by the workshop's instance."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in (NAME, "acme-other", "acme-third"):
        workshop.sign(*workshop.write(folder, name=name))
    return folder


@pytest.fixture
def home(workshop, tmp_path, monkeypatch) -> Path:
    """A state folder of its own that believes the workshop's instance."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    enrol_local(workshop.policy, home / "trust.toml")
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    return home


@pytest.fixture
def preparation(home, workshop) -> Preparation:
    return Preparation(home, None, workshop.policy)


@pytest.fixture
def why(home, capsys) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["why", *arguments])
        return (code, *capsys.readouterr())

    return run


def wheel(wheels: Path, name: str = NAME) -> Path:
    return wheels / f"{name.replace('-', '_')}-1.2.0-py3-none-any.whl"


def refused(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refusal:
        act()
    return refusal.value


def forget_publishers(home: Path) -> None:
    path = home / "trust.toml"
    path.write_text(path.read_text().replace('plugins = ["*"]', 'plugins = ["nobody"]'))


def recorded(home: Path) -> list[tuple[str, str, str | None, str | None]]:
    return [(one.purpose, one.outcome, one.plugin, one.rule) for one in newest_first(home)]


def test_installing_loading_and_reloading_are_recorded(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    prepared = preparation.prepare(NAME)
    preparation.prepare(NAME, Wanted("reload"))
    preparation.recheck(prepared)
    assert recorded(home) == [(purpose, "accepted", NAME, None) for purpose in ("load", "reload", "load", "install")]
    newest = next(newest_first(home))
    assert (newest.version, newest.sha256) == ("1.2.0", prepared.signatures.sha256)
    assert [step.number for step in newest.steps] == list(range(1, 9))
    lines = (home / "trust.toml").read_text().splitlines()
    for number, section in ((3, "[[publisher]]"), (5, "[[verifier]]")):
        path, _, line = str(newest.steps[number - 1].where).rpartition(":")
        assert (path, lines[int(line) - 1]) == (str(home / "trust.toml"), section)
    assert set(newest.rests_on) == {"trust file", "root local", "policy default", "pin"}
    assert newest.rests_on["trust file"] == hashlib.sha256((home / "trust.toml").read_bytes()).hexdigest()


def test_a_refusal_is_recorded_with_its_rule_and_the_steps_before(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    forget_publishers(home)
    assert refused(lambda: preparation.prepare(NAME)).rule == "signer-not-trusted"
    newest = next(newest_first(home))
    assert (newest.outcome, newest.rule, newest.stopped_at) == ("refused", "signer-not-trusted", 3)
    assert [step.number for step in newest.steps] == [1, 2]
    assert newest.help


def test_a_demand_of_the_caller_is_part_of_the_decision(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))

    def never(prepared: object) -> None:
        raise Refused("upgrade-needs-consent", "asks for more", help="look at it")

    refused(lambda: preparation.prepare(NAME, Wanted("reload", never)))
    assert recorded(home)[0] == ("reload", "refused", NAME, "upgrade-needs-consent")


def test_a_host_that_cannot_decide_says_so_in_the_record(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    (home / "trust.toml").write_text("schema = 2\n")
    with pytest.raises(ConfigurationProblem):
        preparation.prepare(NAME)
    newest = next(newest_first(home))
    assert (newest.outcome, newest.rule, newest.purpose) == ("refused", None, "load")
    assert "trust file" in newest.message


def test_a_file_that_cannot_be_read_is_in_the_record_too(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    prepared = preparation.prepare(NAME)
    (home / "trust.toml").unlink()
    (home / "trust.toml").mkdir(mode=0o700)
    with pytest.raises(IsADirectoryError):
        preparation.prepare(NAME)
    with pytest.raises(ConfigurationProblem, match="acme-hello cannot be judged again") as doubt:
        preparation.recheck(prepared)
    assert doubt.value.help
    for newest in list(newest_first(home))[:2]:
        assert (newest.purpose, newest.outcome, newest.plugin, newest.rule) == ("load", "refused", NAME, None)
        assert "trust.toml" in newest.message


def test_an_emptied_record_of_what_is_installed_is_damaged(preparation, home, wheels, workshop) -> None:
    preparation.install(wheel(wheels))
    (home / "installed.json").write_bytes(b"")
    anew = Preparation(home, None, workshop.policy)
    for act in (anew.verify_installed, lambda: anew.install(wheel(wheels, "acme-other"))):
        with pytest.raises(ConfigurationProblem, match=r"installed\.json is damaged"):
            act()
    assert (home / "installed.json").read_bytes() == b""


def spoil_record(home: Path) -> None:
    """Put a file where the record's folder has to be: nothing can be written, whoever the user is."""
    shutil.rmtree(home / "decisions", ignore_errors=True)
    (home / "decisions").write_text("")


def test_an_installation_that_cannot_be_recorded_does_not_happen(preparation, home, wheels) -> None:
    spoil_record(home)
    assert refused(lambda: preparation.install(wheel(wheels))).rule == "decision-not-recorded"
    assert not (home / "installed.json").exists()
    assert main(["install", str(wheel(wheels))]) == 5


def test_a_load_that_cannot_be_recorded_is_refused_and_a_refusal_stays_what_it_is(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    spoil_record(home)
    assert refused(lambda: preparation.prepare(NAME)).rule == "decision-not-recorded"
    forget_publishers(home)
    refusal = refused(lambda: preparation.prepare(NAME))
    assert refusal.rule == "signer-not-trusted"
    assert "cannot be recorded" in refusal.__notes__[0]


def test_everything_installed_is_judged_and_no_refusal_keeps_the_others_waiting(preparation, home, wheels) -> None:
    for name in (NAME, "acme-other", "acme-third"):
        preparation.install(wheel(wheels, name))
    tree = next((home / "store").glob("*/tree/acme_hello"))
    tree.chmod(0o755)
    (tree / "extra.py").write_text("")
    (home / "signatures" / preparation.prepare("acme-third").signatures.sha256 / "bundle.sigstore.json").unlink()
    judged = preparation.verify_installed()
    rules = {one.plugin.name: getattr(one.problem, "rule", None) for one in judged}
    assert rules == {NAME: "record-mismatch", "acme-other": None, "acme-third": "unsigned-artifact"}
    assert [one.prepared is not None for one in judged] == [rules[one.plugin.name] is None for one in judged]
    assert {entry[2]: entry[1:] for entry in recorded(home)[:3]} == {
        NAME: ("refused", NAME, "record-mismatch"),
        "acme-other": ("accepted", "acme-other", None),
        "acme-third": ("refused", "acme-third", "unsigned-artifact"),
    }


def test_a_damaged_trust_file_ends_the_judging_of_all(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    (home / "trust.toml").write_text("schema = 2\n")
    with pytest.raises(ConfigurationProblem):
        preparation.verify_installed()


def test_a_root_that_was_exchanged_is_noticed_between_two_loads(preparation, home, wheels) -> None:
    preparation.install(wheel(wheels))
    preparation.prepare(NAME)
    root = next((home / "roots").iterdir())
    root.write_bytes(root.read_bytes() + b"\n")
    with pytest.raises(ConfigurationProblem, match="another digest"):
        preparation.prepare(NAME)


def test_verify_leaves_a_trace_only_where_it_is_asked_to(home, wheels, capsys) -> None:
    path = str(wheel(wheels))
    assert main(["verify", path]) == 0
    assert not (home / "decisions").exists()
    assert main(["verify", path, "--record"]) == 0
    believed = (home / "trust.toml").read_text()
    forget_publishers(home)
    assert main(["verify", path, "--record"]) == 5
    assert recorded(home) == [
        ("verify", "refused", NAME, "signer-not-trusted"),
        ("verify", "accepted", NAME, None),
    ]
    (home / "trust.toml").write_text(believed)
    spoil_record(home)
    assert main(["verify", path, "--record"]) == 5
    assert "decision-not-recorded" in capsys.readouterr().err


def test_what_a_run_rests_on_is_read_once(preparation, home, wheels, monkeypatch) -> None:
    for name in (NAME, "acme-other", "acme-third"):
        preparation.install(wheel(wheels, name))
    parsed: list[Path] = []
    monkeypatch.setattr(trust_file, "parse", lambda data, path: parsed.append(path) or parse_trust(data, path))
    judged = Preparation(home, None, preparation._policy).verify_installed()
    assert all(one.prepared for one in judged)
    assert parsed == [home / "trust.toml"]


def test_what_changes_between_two_loads_counts_at_the_second(preparation, home, wheels) -> None:
    digest = preparation.install(wheel(wheels)).sha256
    preparation.prepare(NAME)
    entry = {"sha256": digest, "action": "block-load", "reason": "malicious", "url": "https://example.com/1"}
    document = {"schema": 1, "sequence": 1, "issued": "2026-01-01T00:00:00Z", "entries": [entry]}
    (home / "revocations.json").write_text(json.dumps(document))
    assert refused(lambda: preparation.prepare(NAME)).rule == "revoked"
    assert "revocations" in next(newest_first(home)).rests_on
    (home / "revocations.json").write_text(json.dumps(document | {"sequence": 2, "entries": []}))
    before = next(newest_first(home)).rests_on["revocations"]
    preparation.prepare(NAME)
    assert next(newest_first(home)).rests_on["revocations"] != before
    pin = home / "pins" / f"{NAME}.json"
    told = json.loads(pin.read_text())
    pin.write_text(json.dumps(told | {"installed": told["installed"] | {"sha256": "0" * 64, "permissions": []}}))
    assert refused(lambda: preparation.prepare(NAME)).rule == "upgrade-needs-consent"
    pin.unlink()
    with pytest.raises(ConfigurationProblem, match="nothing is remembered"):
        preparation.prepare(NAME)
    (home / "installed.json").unlink()
    with pytest.raises(ConfigurationProblem, match="no plugin named"):
        preparation.prepare(NAME)


# --- why -------------------------------------------------------------------------------------------------------------


def test_why_tells_the_newest_decision_and_what_would_have_to_change(preparation, home, wheels, why) -> None:
    preparation.install(wheel(wheels))
    code, out, _ = why(NAME)
    assert code == 0
    assert out.startswith(f"{NAME} 1.2.0 may be installed\n")
    forget_publishers(home)
    refused(lambda: preparation.prepare(NAME))
    _, out, _ = why(NAME)
    assert out.startswith(f"{NAME} 1.2.0 may not be loaded\n")
    assert "✗ 3 publisher" in out
    assert "What would have to change  signer-not-trusted" in out
    assert "theodore-plugin explain signer-not-trusted" in out
    assert "trust file      " in out
    assert f"1 older: theodore-plugin why {NAME} --all" in out
    _, out, _ = why("Acme_Hello", "--all")
    assert "install  accepted" in out


def test_the_same_decision_again_and_again_is_said_once(preparation, home, wheels, why) -> None:
    preparation.install(wheel(wheels))
    for _ in range(4):
        preparation.prepare(NAME)
    _, out, _ = why(NAME, "--all")
    before = out.partition("Before\n")[2].splitlines()
    assert len(before) == 2
    assert "1.2.0  load     accepted  (3 times since " in before[0]


def test_why_fits_a_narrow_terminal(preparation, home, wheels, why, monkeypatch) -> None:
    preparation.install(wheel(wheels))
    forget_publishers(home)
    refused(lambda: preparation.prepare(NAME))
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = why(NAME)
    long = [line for line in out.splitlines() if len(line) > 80]
    assert all(len(line.split()) == 1 for line in long), long  # a word that is longer than a line stays in one piece


def test_why_shows_one_version_or_digest_alone(preparation, home, wheels, why) -> None:
    digest = preparation.install(wheel(wheels)).sha256
    for arguments in (("--version", "1.2.0"), ("--digest", digest[:12])):
        assert why(NAME, *arguments)[0] == 0
    for arguments in (("--version", "9"), ("--digest", "0" * 64)):
        code, _, err = why(NAME, *arguments)
        assert code == 3
        assert "no decision about acme-hello" in err
    assert why(NAME, "--digest", "XYZ")[0] == 2


def test_why_lists_every_plugin_that_stands_refused(preparation, home, wheels, why) -> None:
    for name in (NAME, "acme-other"):
        preparation.install(wheel(wheels, name))
    assert why("--refused")[0] == 3
    forget_publishers(home)
    refused(lambda: preparation.prepare("acme-other"))
    code, out, _ = why("--refused")
    assert code == 0
    assert "acme-other 1.2.0" in out
    assert NAME not in out


def test_json_is_as_the_schema_says(preparation, home, wheels, why) -> None:
    schema = json.loads((policies_dir() / "schemas" / "decisions.schema.json").read_bytes())
    preparation.install(wheel(wheels))
    forget_publishers(home)
    refused(lambda: preparation.prepare(NAME))
    answers = [
        json.loads(why(*arguments, "--format", "json")[1])
        for arguments in ((NAME,), (NAME, "--all"), ("--refused",), ("--verify-chain",), ("--head",))
    ]
    for answer in answers:
        jsonschema.validate(answer, schema)
    assert [len(answer.get("decisions", ())) for answer in answers] == [1, 2, 1, 0, 0]
    assert answers[0]["decisions"][0]["rule"]["name"] == "signer-not-trusted"
    assert "add-publisher" in answers[0]["decisions"][0]["rule"]["remedy"]


def edit(home: Path, change: Callable[[bytes], bytes]) -> None:
    path = home / "decisions" / "00000001.jsonl"
    path.write_bytes(change(path.read_bytes()))


def test_a_record_that_was_tampered_with_ends_with_5_and_the_first_bad_entry(preparation, home, wheels, why) -> None:
    preparation.install(wheel(wheels))
    preparation.prepare(NAME)
    preparation.verify_installed()
    code, out, _ = why("--verify-chain")
    assert (code, out.splitlines()[0]) == (0, "the record is whole: entries 1 to 3")
    head = why("--head")[1].strip()
    assert why("--verify-chain", "--anchor", head)[0] == 0
    edit(home, lambda data: data.replace(b'"load"', b'"verify"', 1))
    code, _, err = why("--verify-chain")
    assert code == 5
    assert "decision-record-broken" in err
    assert "00000001.jsonl:3" in err
    schema = json.loads((policies_dir() / "schemas" / "decisions.schema.json").read_bytes())
    code, out, _ = why("--verify-chain", "--format", "json")
    jsonschema.validate(json.loads(out), schema)
    assert (code, json.loads(out)["whole"]) == (5, False)


def test_a_record_written_anew_is_found_by_an_anchor_kept_elsewhere(preparation, home, wheels, why) -> None:
    preparation.install(wheel(wheels))
    preparation.prepare(NAME)
    preparation.verify_installed()
    head = why("--head")[1].strip()
    shutil.rmtree(home / "decisions")
    preparation.verify_installed()
    assert why("--verify-chain")[0] == 0
    code, _, err = why("--verify-chain", "--anchor", head)
    assert code == 5
    assert "before entry 3 of the anchor" in err
    for _ in range(3):
        preparation.verify_installed()
    code, _, err = why("--verify-chain", "--anchor", head)
    assert code == 5
    assert "another entry than the one the anchor names" in err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--head", NAME),
        ("--verify-chain", "--refused"),
        ("--anchor", "1:" + "0" * 64),
        ("--verify-chain", "--anchor", "nonsense"),
    ],
)
def test_wrong_usage_ends_with_2(why, arguments: tuple[str, ...]) -> None:
    assert why(*arguments)[0] == 2


def test_nothing_recorded_is_no_error_of_the_record(why) -> None:
    assert why(NAME)[0] == 3
    assert why("--verify-chain")[0] == 0


def test_text_of_strangers_cannot_reach_the_terminal(preparation, home, wheels, why) -> None:
    evil = home / "acme_hello-1.2.0-py3-none-any.whl"
    evil.write_bytes(wheel(wheels).read_bytes())
    evil.with_name(evil.name + ".sigstore.json").write_bytes(b"\x1b[2Jnonsense")
    refused(lambda: preparation.install(evil))
    _, out, _ = why(NAME)
    assert "\x1b" not in out


def test_the_schema_is_one() -> None:
    schema: dict[str, Any] = json.loads((policies_dir() / "schemas" / "decisions.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
