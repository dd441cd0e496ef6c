"""The timestamp authority against two independent readers (rfc3161-client, OpenSSL), and against malformed queries."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ExtendedKeyUsage, ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.signing.local import der
from theodore_plugin.signing.local.authority import create_authority
from theodore_plugin.signing.local.der_reader import DerError, Reader
from theodore_plugin.signing.local.keyfiles import pem_certificate
from theodore_plugin.signing.local.timestamps import TimestampAuthority, TimestampError, read_query

NOW = datetime(2026, 11, 22, 12, 30, 15, 999_999, tzinfo=UTC)
MESSAGE = b"a signature"


@pytest.fixture(scope="module")
def stamper() -> TimestampAuthority:
    return create_authority(NOW - timedelta(days=1)).stamper


def query(*, nonce: int | None = 7, certificate: bool = True, digest: bytes | None = None) -> bytes:
    algorithm = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), der.NULL)
    imprint = der.sequence(algorithm, der.octet_string(digest or hashlib.sha256(MESSAGE).digest()))
    given_nonce = [] if nonce is None else [der.integer(nonce)]
    return der.sequence(der.integer(1), imprint, *given_nonce, *([b"\x01\x01\xff"] if certificate else []))


@pytest.mark.parametrize("certificate", [True, False])
@pytest.mark.parametrize("nonce", [None, 0, 127, 128, 1 << 64])
def test_an_answer_is_granted_bound_to_the_query_and_of_that_second(
    certificate: bool, nonce: int | None, stamper: TimestampAuthority
) -> None:
    from rfc3161_client import VerifierBuilder, decode_timestamp_response

    answer = decode_timestamp_response(stamper.answer(query(nonce=nonce, certificate=certificate), NOW))
    assert answer.tst_info.gen_time == NOW.replace(microsecond=0)
    assert answer.tst_info.nonce == nonce
    assert len(answer.signed_data.certificates) == certificate
    builder = VerifierBuilder().tsa_certificate(stamper.certificate).add_root_certificate(stamper.root)
    assert builder.build().verify_message(answer, MESSAGE)


def test_the_clients_own_requests_are_understood(stamper: TimestampAuthority) -> None:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response

    for algorithm in HashAlgorithm:
        request = TimestampRequestBuilder().hash_algorithm(algorithm).data(MESSAGE).nonce(nonce=True).build()
        answer = decode_timestamp_response(stamper.answer(request.as_bytes(), NOW))
        builder = VerifierBuilder.from_request(request).tsa_certificate(stamper.certificate)
        assert builder.add_root_certificate(stamper.root).build().verify_message(answer, MESSAGE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_openssl_verifies_an_answer_and_refuses_it_for_other_data(stamper: TimestampAuthority, tmp_path: Path) -> None:
    (tmp_path / "answer.tsr").write_bytes(stamper.answer(query(), datetime.now(UTC)))
    for name, certificate in (("root.pem", stamper.root), ("stamper.pem", stamper.certificate)):
        (tmp_path / name).write_bytes(pem_certificate(certificate))

    def verified(data: bytes) -> int:
        (tmp_path / "data").write_bytes(data)
        command = ["openssl", "ts", "-verify", "-in", "answer.tsr", "-data", "data"]
        chain = ["-CAfile", "root.pem", "-untrusted", "stamper.pem"]
        return subprocess.run([*command, *chain], cwd=tmp_path, capture_output=True, check=False).returncode

    assert verified(MESSAGE) == 0
    assert verified(MESSAGE + b"!") != 0


def test_serial_numbers_do_not_repeat(stamper: TimestampAuthority) -> None:
    from rfc3161_client import decode_timestamp_response

    answers = [decode_timestamp_response(stamper.answer(query(), NOW)) for _ in range(20)]
    assert len({answer.tst_info.serial_number for answer in answers}) == 20


def test_the_certificate_is_for_timestamps_and_nothing_else(stamper: TimestampAuthority) -> None:
    usage = stamper.certificate.extensions.get_extension_for_class(ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    assert isinstance(stamper.key, ec.EllipticCurvePrivateKey)


GOOD = query()
MD5 = der.sequence(der.sequence(der.object_identifier("1.2.840.113549.2.5")), der.octet_string(bytes(16)))


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\x30",
        GOOD[:-1],
        GOOD + b"\0",
        der.sequence(),
        der.sequence(der.integer(1)),
        GOOD.replace(der.integer(1), der.integer(2), 1),
        der.sequence(der.integer(1), MD5),
        query(digest=bytes(31)),
        query(digest=bytes(33)),
        query(nonce=1 << 600),
        query(certificate=False)[:-3] + b"\x02\x02\x00\x07",
        GOOD[:-1] + b"\x00",
        GOOD[:-1] + b"\x01",
        b"\x30\x80" + GOOD[2:] + b"\0\0",
        b"\x30\x81" + GOOD[1:],
        b"\x30\x84\xff\xff\xff\xff" + GOOD[2:],
        b"\x30\x89" + b"\x01" * 9 + GOOD[2:],
        der.sequence(GOOD[2:], der.object_identifier("1.2.3")),
        b"{",
        b"{}",
        b"{" * 100_000,
        b'{"artifactHash": "AAAA", "hashAlgorithm": "sha256"}',
        b'{"artifactHash": 5, "hashAlgorithm": "sha256"}',
        b'{"artifactHash": "AAAA", "hashAlgorithm": ["sha256"]}',
        json.dumps({"artifactHash": base64.b64encode(bytes(32)).decode(), "hashAlgorithm": "md5"}).encode(),
        json.dumps(
            {"artifactHash": base64.b64encode(bytes(32)).decode(), "hashAlgorithm": "sha256", "nonce": "1"}
        ).encode(),
        json.dumps(
            {"artifactHash": base64.b64encode(bytes(32)).decode(), "hashAlgorithm": "sha256", "nonce": 1 << 600}
        ).encode(),
    ],
)
def test_what_is_no_query_is_answered_with_a_reason(request_: bytes, stamper: TimestampAuthority) -> None:
    with pytest.raises(TimestampError):
        stamper.answer(request_, NOW)


@given(st.binary(max_size=80), st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_mutilated_queries_end_in_a_query_or_in_the_one_error(noise: bytes, place: int, value: int) -> None:
    for data in (noise, GOOD[:place] + bytes([value]) + GOOD[place + 1 :], GOOD[:place] + noise):
        try:
            read_query(data)
        except TimestampError:
            continue


@given(st.integers(-(1 << 200), 1 << 200))
def test_integers_are_read_as_they_were_written(value: int) -> None:
    reader = Reader(der.integer(value))
    assert reader.integer() == value
    reader.end()


@given(st.lists(st.integers(0, 1 << 70), min_size=1, max_size=6), st.integers(0, 1), st.integers(0, 39))
def test_object_identifiers_are_written_in_base_128(rest: list[int], first: int, second: int) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    encoded = der.object_identifier(dotted)
    arcs, number = [], 0
    for octet in encoded[2:]:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(number)
            number = 0
    assert arcs == [40 * first + second, *rest]


@pytest.mark.parametrize(
    "data", ["", "02", "0200", "02020001", "0202ff80", "028101", "04", "048001ff", "0481", "04820001ff"]
)
def test_what_is_not_der_is_refused(data: str) -> None:
    reader = Reader(bytes.fromhex(data))
    with pytest.raises(DerError):
        reader.integer() if data.startswith("02") else reader.take(der.OCTET_STRING)
