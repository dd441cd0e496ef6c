"""`verify` and `trust` as typed: what they print, where, and how they end."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from theodore_loader.paths import HOME_VARIABLE
from theodore_loader.trust.files import attestations_path, bundle_path
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.cli import main
from theodore_plugin.signing import instances


@pytest.fixture
def beside(bench, tmp_path: Path) -> Path:
    """A copy of the signed wheel and its companions, to be tampered with."""
    for path in (bench.path, bundle_path(bench.path), attestations_path(bench.path)):
        shutil.copy(path, tmp_path)
    return tmp_path / bench.filename


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def test_verify_prints_the_numbered_steps(beside: Path, capsys) -> None:
    assert main(["verify", str(beside)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    titles = ["read", "receipt", "publisher", "statements", "verdict", "standing", "permissions", "hand on"]
    for number, (line, title) in enumerate(zip(lines, titles, strict=False), 1):
        assert line.split(" ", 1)[1].startswith(f"{number} {title}")
    assert "verified: acme-hello 1.2.0" in lines
    assert lines[-1].startswith("next: theodore-plugin install ")
    assert printed.err == ""


def test_verify_of_a_changed_wheel_shows_where_it_stopped_and_why(beside: Path, capsys) -> None:
    data = bytearray(beside.read_bytes())
    data[len(data) // 2] ^= 1
    beside.write_bytes(data)
    assert main(["verify", str(beside)]) == 5
    printed = capsys.readouterr()
    assert [line.split()[1] for line in printed.out.splitlines()] == ["1", "2", "3"]
    assert printed.err.startswith("error[digest-mismatch]: the bundle is for other bytes")
    assert "\nhelp: " in printed.err
    assert "Traceback" not in printed.err


def test_verify_as_json_says_the_same(beside: Path, capsys) -> None:
    assert main(["verify", "--output-format", "json", str(beside)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["verified"] is True
    assert len(answer["steps"]) == 8
    assert answer["grants"] == ["network api.example.com:443"]
    bundle_path(beside).unlink()
    assert main(["verify", "--output-format", "json", str(beside)]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert answer["verified"] is False
    assert answer["refusal"]["rule"] == "unsigned-artifact"
    assert answer["refusal"]["step"] == 3


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        (lambda wheel: bundle_path(wheel).unlink(), "unsigned-artifact"),
        (lambda wheel: bundle_path(wheel).write_text("{}"), "signature-invalid"),
        (lambda wheel: bundle_path(wheel).write_bytes(b"\0" * (2 << 20)), "signature-invalid"),
        (lambda wheel: attestations_path(wheel).unlink(), "verdict-missing"),
        (lambda wheel: attestations_path(wheel).write_text("\n\n"), "verdict-missing"),
        (lambda wheel: wheel.write_bytes(b""), "digest-mismatch"),
        (lambda wheel: wheel.write_bytes(wheel.read_bytes()[:-7]), "digest-mismatch"),
    ],
)
def test_verify_names_the_rule_and_exits_with_5(tamper, rule: str, beside: Path, capsys) -> None:
    tamper(beside)
    assert main(["verify", str(beside)]) == 5
    assert capsys.readouterr().err.startswith(f"error[{rule}]: ")


def test_verify_says_what_is_wrong_with_the_path(tmp_path: Path, capsys) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert main(["verify", str(tmp_path / "absent.whl")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["verify", str(tmp_path)]) == 2
    assert "is not a file" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "notes.txt")]) == 5
    assert "not-a-wheel" in capsys.readouterr().err


@pytest.mark.parametrize("companion", [bundle_path, attestations_path])
def test_a_pipe_or_folder_in_place_of_a_signature_is_named_and_not_waited_for(companion, beside: Path, capsys) -> None:
    companion(beside).unlink()
    os.mkfifo(companion(beside))
    assert main(["verify", str(beside)]) == 2
    assert f"{companion(beside)} is not a file" in capsys.readouterr().err
    companion(beside).unlink()
    companion(beside).mkdir()
    assert main(["verify", str(beside)]) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_verify_of_an_unreadable_wheel_names_it(beside: Path, capsys) -> None:
    beside.chmod(0)
    assert main(["verify", str(beside)]) == 2
    assert str(beside) in capsys.readouterr().err


def test_verify_without_a_trust_file_names_the_command_that_helps(beside: Path, fresh_home: Path, capsys) -> None:
    assert main(["verify", str(beside)]) == 5
    printed = capsys.readouterr().err
    assert printed.startswith("error[signer-not-trusted]: ")
    assert "help: theodore-plugin trust init" in printed
    assert not (fresh_home / "instances").exists()


def test_a_trust_file_with_a_typo_is_a_usage_error_with_its_line(beside: Path, bench, tmp_path: Path, capsys) -> None:
    (tmp_path / "roots").mkdir(mode=0o700)
    trust = tmp_path / "trust.toml"
    trust.write_text(bench.trust.path.read_text().replace("[[publisher]]", "[[publishr]]"))
    trust.chmod(0o600)
    assert main(["verify", str(beside), "--trust", str(trust)]) == 2
    printed = capsys.readouterr().err
    assert f"{trust}:" in printed
    assert "did you mean publisher?" in printed


def test_a_root_that_is_no_trusted_root_is_a_usage_error(beside: Path, bench, tmp_path: Path, capsys) -> None:
    import hashlib

    (tmp_path / "root.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    trust = tmp_path / "trust.toml"
    trust.write_text(
        f'schema = 1\n[[root]]\nid = "x"\nfile = "root.json"\nsha256 = "{digest}"\n'
        '[[publisher]]\nplugins = ["*"]\nroot = "x"\nissuer = "i"\nidentity = "me"\n'
    )
    trust.chmod(0o600)
    assert main(["verify", str(beside), "--trust", str(trust)]) == 2
    assert "no sigstore trusted root" in capsys.readouterr().err


def test_trust_init_makes_a_fresh_machine_believe_itself(fresh_home: Path, capsys) -> None:
    before = os.umask(0)
    try:
        believes_itself(fresh_home, capsys)
    finally:
        os.umask(before)


def believes_itself(fresh_home: Path, capsys) -> None:
    assert main(["trust", "init"]) == 0
    assert "next: theodore-plugin sign WHEEL" in capsys.readouterr().out
    trust = TrustFile.load()
    (publisher,), (verifier,) = trust.publishers, trust.verifiers
    assert publisher.plugins == ("*",)
    assert publisher.signer == verifier.signer
    before = trust.path.read_bytes()
    assert main(["trust", "init"]) == 0
    assert trust.path.read_bytes() == before
    assert main(["trust", "init", "--policy", "strict"]) == 0
    assert len(TrustFile.load().verifiers) == 2
    assert fresh_home.stat().st_mode & 0o777 == 0o700


def test_trust_init_with_an_unknown_policy_creates_nothing(fresh_home: Path, capsys) -> None:
    assert main(["trust", "init", "--policy", "lenient"]) == 2
    assert "no policy 'lenient'" in capsys.readouterr().err
    assert not (fresh_home / "trust.toml").exists()


def test_trust_init_does_not_take_over_a_broken_trust_file(fresh_home: Path, capsys) -> None:
    fresh_home.mkdir(mode=0o700)
    (fresh_home / "trust.toml").write_text("schema = ")
    (fresh_home / "trust.toml").chmod(0o600)
    assert main(["trust", "init"]) == 2
    assert (fresh_home / "trust.toml").read_text() == "schema = "
    assert "not TOML" in capsys.readouterr().err


def test_trust_show_lists_whom_this_machine_believes(fresh_home: Path, capsys) -> None:
    assert main(["trust", "show"]) == 2
    assert "help: theodore-plugin trust init" in capsys.readouterr().err
    main(["trust", "init"])
    capsys.readouterr()
    assert main(["trust", "show"]) == 0
    printed = capsys.readouterr().out
    identity = instances.local(home=fresh_home).identity
    assert (
        f"publisher of *\n    root      local\n    issuer    https://local.theodore.invalid\n    identity  {identity}"
        in printed
    )


def test_trust_export_needs_an_instance(fresh_home: Path, tmp_path: Path, capsys) -> None:
    assert main(["trust", "export", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert "no signing instance" in capsys.readouterr().err


def test_two_machines_trust_each_other_only_when_told_to_and_only_for_the_names_granted(
    workshop, tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "wheels").mkdir()
    hello, other = (workshop.bench(tmp_path / "wheels", name=name) for name in ("acme-hello", "acme-other"))
    assert main(["trust", "export", str(tmp_path / "exported")]) == 0
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "second"))
    assert main(["trust", "init"]) == 0
    assert main(["verify", str(hello.path)]) == 5
    assert "signer-not-trusted" in capsys.readouterr().err
    root = str(tmp_path / "exported" / "trusted_root.json")
    assert main(["trust", "add-root", "first", root]) == 0
    assert main(["verify", str(hello.path)]) == 5
    signer = ("--root", "first", "--issuer", "https://local.theodore.invalid", "--identity", hello.instance.identity)
    assert main(["trust", "add-publisher", "--plugin", "acme-hello", *signer]) == 0
    capsys.readouterr()
    assert main(["verify", str(hello.path)]) == 5
    assert "no verdict is by a verifier this host believes" in capsys.readouterr().err
    verifier = ("--id", hello.verifier_id, "--policy", "default", "--max-age-days", "7")
    assert main(["trust", "add-verifier", *verifier, *signer]) == 0
    assert main(["verify", str(hello.path)]) == 0
    capsys.readouterr()
    assert main(["verify", str(other.path)]) == 5
    assert "signer-not-trusted" in capsys.readouterr().err


def test_a_root_that_cannot_be_added_is_a_usage_error_and_nothing_changes(
    fresh_home: Path, tmp_path: Path, capsys
) -> None:
    main(["trust", "init"])
    (tmp_path / "none.json").write_text("{}")
    other = str(instances.local("other", tmp_path).instance.trusted_root_path)
    before = (fresh_home / "trust.toml").read_bytes()
    for root_id, document, says in (
        ("local", other, "another root named 'local'"),
        ("../../escape", other, "is no id for a root"),
        ("none", str(tmp_path / "none.json"), "is no sigstore trusted root"),
        ("none", str(tmp_path / "absent.json"), "does not exist"),
    ):
        assert main(["trust", "add-root", root_id, document]) == 2
        assert says in capsys.readouterr().err
    assert (fresh_home / "trust.toml").read_bytes() == before
    assert len(list((fresh_home / "roots").iterdir())) == 1


def test_a_full_disk_is_named_with_its_file_and_leaves_nothing(fresh_home: Path, monkeypatch, capsys) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["trust", "init"]) == 2
    printed = capsys.readouterr().err
    assert "No space left on device" in printed
    assert str(fresh_home / "instances") in printed
    assert not (fresh_home / "trust.toml").exists()
    assert [path.name for path in (fresh_home / "instances").iterdir()] == [".default.lock"]
    monkeypatch.undo()
    monkeypatch.setenv(HOME_VARIABLE, str(fresh_home))
    assert main(["trust", "init"]) == 0
    before = (fresh_home / "trust.toml").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    assert main(["trust", "init", "--policy", "strict"]) == 2
    assert f"{fresh_home / 'trust.toml'}: No space left" in capsys.readouterr().err
    assert (fresh_home / "trust.toml").read_bytes() == before
    assert not list(fresh_home.glob(".trust.toml.*.tmp"))


def test_an_unsigned_wheel_can_be_accepted_by_its_exact_digest(bench, beside: Path, tmp_path: Path, capsys) -> None:
    bundle_path(beside).unlink()
    attestations_path(beside).unlink()
    trust = tmp_path / "trust.toml"
    exception = f'{{ sha256 = "{bench.wheel.sha256}", reason = "built here", expires = 2999-01-01 }}'
    trust.write_text(f"schema = 1\n[loader]\nallow_unsigned_sha256 = [{exception}]\n")
    trust.chmod(0o600)
    assert main(["verify", str(beside), "--trust", str(trust)]) == 0
    assert "unsigned, accepted by its digest until 2999-01-01: built here" in capsys.readouterr().out


def test_every_rule_that_a_tampered_wheel_meets_at_these_steps_can_be_explained(capsys) -> None:
    from theodore_plugin.rules.trust.refusals import TRUST_RULES

    for rule in TRUST_RULES:
        assert main(["explain", rule.name]) == 0
        assert rule.summary in capsys.readouterr().out


def test_sign_refuses_a_wheel_whose_check_does_not_pass_and_shows_the_report(bench, tmp_path: Path, capsys) -> None:
    wheel = tmp_path / bench.filename
    wheel.write_bytes(bench.data)
    assert main(["sign", str(wheel), "--advisories", "off"]) == 1
    printed = capsys.readouterr()
    assert "error[manifest-missing]" in printed.out
    assert printed.err.splitlines()[-2].startswith("error: not signed: ")
    assert printed.err.splitlines()[-1].startswith("help: ")
    assert [path.name for path in tmp_path.iterdir()] == [bench.filename]


def test_sign_says_what_is_wrong_with_the_path(bench, tmp_path: Path, capsys) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    truncated = tmp_path / bench.filename
    truncated.write_bytes(bench.data[:-30])
    for path, code, says in (
        (tmp_path / "absent.whl", 2, "no such file"),
        (tmp_path, 2, "is not a file"),
        (tmp_path / "notes.txt", 5, "not-a-wheel"),
        (truncated, 5, "error["),
    ):
        assert main(["sign", str(path)]) == code
        printed = capsys.readouterr().err
        assert says in printed
        assert "help: " in printed
        assert "Traceback" not in printed
    assert len(list(tmp_path.iterdir())) == 2


def test_sign_with_a_trust_config_that_is_none_is_a_usage_error(bench, tmp_path: Path, capsys) -> None:
    (tmp_path / "config.json").write_text("{}")
    command = ["sign", str(bench.path), "--trust-config", str(tmp_path / "config.json"), "--identity-token", "x"]
    assert main(command) == 2
    assert "not a sigstore ClientTrustConfig" in capsys.readouterr().err


def test_sign_with_a_token_that_is_none_is_a_usage_error_and_does_not_repeat_it(
    bench, workshop, tmp_path: Path, capsys
) -> None:
    config = workshop.instance().instance.folder / "trust_config.json"
    assert main(["sign", str(bench.path), "--trust-config", str(config), "--identity-token", "s3cret"]) == 2
    printed = capsys.readouterr()
    assert "identity token cannot be used" in printed.err
    assert "s3cret" not in printed.err + printed.out


def test_a_terminal_without_unicode_gets_plain_marks_and_no_crash(bench, beside: Path, workshop) -> None:
    import subprocess
    import sys

    environment = {**os.environ, "PYTHONIOENCODING": "ascii", HOME_VARIABLE: str(workshop.home)}
    command = [sys.executable, "-m", "theodore_plugin", "verify", str(beside)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("ok 1 read")
