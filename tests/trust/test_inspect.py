"""`inspect`: what a wheel says of itself, whoever made it, and never more than that."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.trust.files import MAX_BUNDLE, attestations_path, bundle_path, sbom_path
from theodore_plugin.cli import main


@pytest.fixture
def beside(bench, tmp_path: Path) -> Path:
    path = tmp_path / bench.filename
    path.write_bytes(bench.data)
    bundle_path(path).write_bytes(bench.bundle)
    attestations_path(path).write_bytes(bench.attestations)
    sbom_path(path).write_bytes(bench.wheel.sbom)
    return path


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    document = json.loads((policies_dir() / "schemas/inspection.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def shown(capsys, *arguments: str, code: int = 0) -> str:
    assert main(["inspect", *arguments]) == code
    return capsys.readouterr().out


def test_one_screen_says_what_there_is_and_that_nothing_was_verified(bench, beside: Path, capsys) -> None:
    lines = shown(capsys, str(beside)).splitlines()
    assert lines[0] == "acme-hello 1.2.0: inspected, NOT VERIFIED; anybody can claim any of this"
    assert len(lines) <= 24
    text = "\n".join(lines)
    for expected in (
        "network api.example.com:443: reads the pages it is asked for",
        f"as claimed by {bench.instance.identity}, on the word of https://local.theodore.invalid",
        "statements  provenance, verdict, vulnerabilities, SBOM reference",
        f"built from  git+https://github.com/acme/hello at commit {'c' * 40}",
        "verdict     PASSED by ",
        "the file beside it is the same",
    ):
        assert expected in text


def test_all_adds_every_file_certificate_and_statement(bench, beside: Path, capsys) -> None:
    text = shown(capsys, "--all", str(beside))
    for name, data in bench.wheel.entries.items():
        assert f"{len(data):>10,}  {name}" in text
    assert text.count("  serial number ") == 5
    assert '"verificationResult": "PASSED"' in text


def test_it_needs_no_trust_and_makes_no_state_folder(beside: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    shown(capsys, str(beside))
    assert not (tmp_path / "home").exists()


def test_as_json_it_is_as_published(schema, beside: Path, capsys) -> None:
    answer = json.loads(shown(capsys, "--format", "json", str(beside)))
    schema.validate(answer)
    assert answer["verified"] is False
    assert answer["sbom"]["beside_is_same"] is True
    assert [one["about_this_wheel"] for one in answer["statements"]] == [True] * 4


def test_a_bare_wheel_is_shown_for_what_it_is(schema, bench, tmp_path: Path, capsys) -> None:
    path = tmp_path / bench.filename
    path.write_bytes(bench.data)
    text = shown(capsys, str(path))
    assert "signed      no bundle" in text
    assert "statements  none" in text
    schema.validate(json.loads(shown(capsys, "--format", "json", str(path))))


def test_statements_about_another_wheel_are_marked(workshop, beside: Path, tmp_path_factory, capsys) -> None:
    other = workshop.bench(tmp_path_factory.mktemp("other"), version="1.3.0")
    attestations_path(beside).write_bytes(other.attestations)
    assert "verdict (about another wheel)" in shown(capsys, str(beside))


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"null\n",
        b"[" * 100_000,
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b'{"verificationMaterial": 3}',
        b'{"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [7]}}',
        b'{"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}, "dsseEnvelope": []}',
        b'{"verificationMaterial": {"x509CertificateChain": {"certificates": []}, "tlogEntries": []}}',
        b'{"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{"integratedTime": "9e99"}]}}',
        b"x" * (MAX_BUNDLE + 1),
        b"{}\n" * 40,
    ],
)
def test_junk_beside_the_wheel_is_told_and_the_rest_is_shown(junk: bytes, schema, beside: Path, capsys) -> None:
    bundle_path(beside).write_bytes(junk)
    attestations_path(beside).write_bytes(junk + b"\n")
    answer = json.loads(shown(capsys, "--format", "json", str(beside)))
    schema.validate(answer)
    assert answer["problems"]
    assert answer["plugin"]["author"] == "Acme"
    assert "problem " in shown(capsys, "--all", str(beside))


def test_a_certificate_that_is_none_is_told(beside: Path, capsys) -> None:
    bundle = json.loads(bundle_path(beside).read_bytes())
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = "AAAA"
    bundle_path(beside).write_text(json.dumps(bundle))
    assert "as claimed by nobody" in shown(capsys, str(beside))
    assert "cannot be read" in shown(capsys, "--all", str(beside))


def test_nothing_a_stranger_wrote_reaches_the_terminal_raw(workshop, bench, beside: Path, capsys) -> None:
    def escaping(statement: dict) -> None:
        statement["predicate"]["verifier"]["id"] = "urn:\x1b[2Jx\u202ey\r\n\x07"
        statement["predicate"]["urn:theodore:vsa:1"]["skipped"] = ["\x1b]0;title\x07"]

    attestations_path(beside).write_bytes(bench.restate("verdict", escaping, by=workshop.instance("rogue")))
    for arguments in ((str(beside),), ("--all", str(beside))):
        text = shown(capsys, *arguments)
        assert all(character == "\n" or character.isprintable() for character in text)
        assert "<U+001B>[2Jx<U+202E>y" in text or "\\u001b[2Jx" in text


@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: b"PK" + data, lambda data: b""])
def test_a_wheel_no_host_would_open_is_refused_by_its_rule(damage, beside: Path, capsys) -> None:
    beside.write_bytes(damage(beside.read_bytes()))
    assert main(["inspect", str(beside)]) == 5
    assert capsys.readouterr().err.startswith("error[")


def test_what_is_no_file_is_a_usage_error(tmp_path: Path, capsys) -> None:
    assert main(["inspect", str(tmp_path / "absent.whl")]) == 2
    assert main(["inspect", str(tmp_path)]) == 2
