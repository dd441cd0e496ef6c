"""The verdict's two readings, the loader's types and the published schema, give the same answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.trust.statements import (
    CHECK_PASSED,
    AdvisoryDatabase,
    CheckResult,
    CoverageResult,
    DigestSet,
    ExceptionResult,
    Extension,
    InputAttestation,
    Permissions,
    PolicyReference,
    RuleSet,
    SourceResult,
    StatementInvalid,
    SuppressionResult,
    Verdict,
    VerifierId,
    read_statement,
    read_verdict,
    resource_uri,
    write_verdict,
)

VERDICT = Verdict(
    verifier=VerifierId("urn:example:verifier", {"mypy": "1.18"}),
    time_verified=datetime(2026, 11, 22, 12, tzinfo=UTC),
    resource_uri="pkg:pypi/acme-hello@1.2.0",
    policy=PolicyReference("urn:theodore:policy:default", DigestSet("a" * 64)),
    input_attestations=[InputAttestation("urn:example:sbom", DigestSet("b" * 64))],
    verification_result="PASSED",
    verified_levels=[CHECK_PASSED],
    slsa_version="1.0",
    extension=Extension(
        permissions=Permissions(["network api.example.com:443"], ["network connect api.example.com:443"]),
        checks=[CheckResult("mypy", "1.18", "passed", True, "standard", "")],
        coverage=[CoverageResult("theodore", "file", 3, 0, 0)],
        suppressions=[SuppressionResult(["shell-injection"], "a.py:1:1", "argv is constant", "2027-03-01", 1)],
        advisories=AdvisoryDatabase("snapshot", "c" * 64, "2026-11-21"),
        rule_set=RuleSet(DigestSet("d" * 64)),
        sandbox="standard",
        skipped=[],
        exceptions=[
            ExceptionResult(["hardcoded-secret"], "acme.yaml:3", "a sample", "sec@acme.example", "2027-01-01", 1)
        ],
        source=SourceResult("rebuilt", "f" * 40, True),
    ),
)
FILENAME, SHA256 = "acme_hello-1.2.0-py3-none-any.whl", "e" * 64


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((policies_dir() / "schemas" / "verdict.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_what_is_written_is_what_is_read() -> None:
    statement = read_statement(write_verdict(VERDICT, FILENAME, SHA256))
    assert read_verdict(statement) == VERDICT
    assert [(subject.name, subject.digest.sha256) for subject in statement.subject] == [(FILENAME, SHA256)]


def test_a_verdict_has_one_spelling() -> None:
    assert write_verdict(VERDICT, FILENAME, SHA256) == write_verdict(VERDICT, FILENAME, SHA256)


def test_sigstore_accepts_it_as_a_statement() -> None:
    from sigstore.dsse import Statement

    Statement(write_verdict(VERDICT, FILENAME, SHA256))


@pytest.mark.parametrize(
    ("name", "version", "uri"),
    [("acme-hello", "1.2.0", "pkg:pypi/acme-hello@1.2.0"), ("a", "1!2.0+local", "pkg:pypi/a@1%212.0%2Blocal")],
)
def test_resource_uris_are_package_urls(name: str, version: str, uri: str) -> None:
    assert resource_uri(name, version) == uri


def test_the_published_schema_gives_the_same_answers(validator) -> None:
    document = json.loads(write_verdict(VERDICT, FILENAME, SHA256))
    validator.validate(document)
    tried = 0
    for path in list(places(document)):
        for wrong in (DROP, None, "", 5, True, [], {}, ["x"], {"x": 1}):
            changed = copy.deepcopy(document)
            put(changed, path, wrong)
            assert validator.is_valid(changed) == reads(changed), (path, wrong)
            tried += 1
    assert tried > 500


DROP = object()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], wrong: Any) -> None:
    *way, last = path
    for step in way:
        document = document[step]
    if wrong is DROP:
        del document[last]
    else:
        document[last] = wrong


def reads(document: Any) -> bool:
    """Tell whether the loader reads it; the date's form is beyond what the schema's vocabulary asserts."""
    try:
        statement = read_statement(json.dumps(document).encode())
        if len(statement.subject) != 1 or statement.predicate_type != "https://slsa.dev/verification_summary/v1":
            return False
        read_verdict(statement)
    except StatementInvalid as invalid:
        return "timeVerified" in str(invalid) and isinstance(document["predicate"].get("timeVerified"), str)
    return True


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b'{"_type": "https://in-toto.io/Statement/v1", "_type": "x"}',
        b"[" * 100_000,
        b'{"_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": "x", "predicate": {}}',
        b'{"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "x", "predicate": []}',
    ],
)
def test_what_is_no_statement_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(StatementInvalid):
        read_statement(payload)


@pytest.mark.parametrize("stamp", ["2026-11-22", "2026-11-22T12:00:00", "yesterday", ""])
def test_a_time_that_could_mean_several_moments_is_refused(stamp: str) -> None:
    document = json.loads(write_verdict(VERDICT, FILENAME, SHA256))
    document["predicate"]["timeVerified"] = stamp
    with pytest.raises(StatementInvalid, match="timeVerified"):
        read_verdict(read_statement(json.dumps(document).encode()))
