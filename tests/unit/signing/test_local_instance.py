"""The instance on disk, its tokens, and its port."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from select import select

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.local import server
from theodore_plugin.signing.local.authority import key_id
from theodore_plugin.signing.local.checkpoint import signed_checkpoint
from theodore_plugin.signing.local.instance import ISSUER, exists, open_instance, open_or_create
from theodore_plugin.signing.local.server import serving
from theodore_plugin.signing.local.tokens import LIFETIME, Mint, TokenError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    return open_or_create("default", tmp_path_factory.mktemp("home"))


# --- on disk


def test_keys_and_log_are_for_their_owner_only(instance) -> None:
    assert stat.S_IMODE(instance.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in instance.folder.iterdir()}
    assert {"intermediate.key", "ct.key", "log.key", "log.sqlite3"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_permissive_umask_changes_nothing(tmp_path: Path) -> None:
    import os

    before = os.umask(0)
    try:
        folder = open_or_create("open", tmp_path).folder
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_roots_key_is_not_on_disk(instance) -> None:
    root_key = instance.authority.root.public_key()
    for path in instance.folder.glob("*.key"):
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert key.public_key() != root_key
    assert not (instance.folder / "root.key").exists()


def test_opening_again_gives_the_same_instance(instance) -> None:
    again = open_instance(instance.folder)
    assert again.identity == instance.identity
    assert again.trusted_root() == instance.trusted_root()
    assert instance.fingerprint in instance.identity


def test_creating_at_once_gives_one_instance(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: open_or_create("raced", tmp_path).fingerprint, range(8)))
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / "instances").iterdir() if path.name.startswith(".raced.new")] == []


def test_what_a_killed_creation_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "instances" / ".default.new-0000"
    left.mkdir(parents=True)
    left.parent.chmod(0o700)  # whatever the umask
    (left / "ct.key").write_text("half")
    open_or_create("default", tmp_path)
    assert not left.exists()


def test_a_full_disk_leaves_no_instance(tmp_path: Path, monkeypatch) -> None:
    from theodore_plugin.signing.local import instance as module

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "write_new", full)
    with pytest.raises(OSError, match="No space left"):
        open_or_create("default", tmp_path)
    assert not exists("default", tmp_path)
    assert [path.name for path in (tmp_path / "instances").iterdir()] == [".default.lock"]


@pytest.mark.parametrize("name", ["", "..", "A", "a/b", "-x", "a" * 65, "ünï"])
def test_names_that_are_no_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="no instance name"):
        open_or_create(name, tmp_path)


@pytest.mark.parametrize("file", ["instance.json", "root.pem", "intermediate.key", "log.key"])
def test_a_damaged_instance_is_named_with_a_way_out(file: str, tmp_path: Path) -> None:
    folder = open_or_create("default", tmp_path).folder
    (folder / file).write_text("damaged")
    with pytest.raises(ConfigurationProblem, match="is damaged") as problem:
        open_or_create("default", tmp_path)
    assert str(folder) in problem.value.message
    assert "trust rotate" in problem.value.help


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    folder = open_or_create("default", tmp_path).folder
    (folder / "log.key").chmod(0o644)
    with pytest.raises(ConfigurationProblem, match="can be read by other users"):
        open_or_create("default", tmp_path)


def test_a_log_that_vanished_is_an_error_and_not_an_empty_log(tmp_path: Path) -> None:
    instance = open_or_create("default", tmp_path)
    for path in instance.folder.glob("log.sqlite3*"):
        path.unlink()
    with pytest.raises(ConfigurationProblem, match="transparency log"):
        instance.log.append("rekor", b"entry", 1)


def test_a_log_with_a_lost_node_refuses_to_prove(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    instance = open_or_create("default", tmp_path)
    for number in range(3):
        instance.log.append("rekor", str(number).encode(), 1)
    with closing(sqlite3.connect(instance.folder / "log.sqlite3")) as connection:
        connection.execute("DELETE FROM node WHERE level = 0 AND position = 2")
        connection.commit()
    with pytest.raises(ConfigurationProblem, match="missing"):
        instance.log.append("rekor", b"3", 1)
    assert len(instance.log.bodies("rekor")) == 3


# --- certificates


def test_a_leaf_follows_fulcios_profile(instance) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = instance.authority.issue(key, "https://example.com/me", ISSUER, NOW + timedelta(microseconds=5)).certificate
    assert list(leaf.subject) == []
    assert leaf.not_valid_before_utc == NOW
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(minutes=10)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == ["https://example.com/me"]
    (sct,) = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    assert sct.log_id == key_id(instance.authority.ct_key.public_key())
    assert leaf.extensions[-1].oid == x509.PrecertificateSignedCertificateTimestamps.oid
    leaf.verify_directly_issued_by(instance.authority.intermediate)


def test_the_sct_signs_the_entry_that_goes_into_the_ct_log(instance) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = instance.authority.issue(key, "https://example.com/me", ISSUER, NOW)
    (sct,) = leaf.certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    instance.authority.ct_key.public_key().verify(sct.signature, leaf.ct_entry, ec.ECDSA(hashes.SHA256()))
    assert leaf.certificate.tbs_precertificate_bytes in leaf.ct_entry


@pytest.mark.parametrize("origin", ["", "two words", "plus+sign", "new\nline"])
def test_checkpoint_names_that_break_the_note_are_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="signer name"):
        signed_checkpoint(origin, 1, b"\0" * 32, ec.generate_private_key(ec.SECP256R1()))


# --- tokens


def test_a_token_buys_one_certificate_within_a_minute() -> None:
    mint = Mint(ISSUER)
    token = mint.mint("https://example.com/me", NOW)
    claims = mint.redeem(token, NOW)
    assert (claims.identity, claims.issuer) == ("https://example.com/me", ISSUER)
    with pytest.raises(TokenError, match="has been used"):
        mint.redeem(token, NOW)


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=1), NOW + LIFETIME])
def test_a_token_outside_its_time_is_refused(moment: datetime) -> None:
    mint = Mint(ISSUER)
    with pytest.raises(TokenError, match="out of its time"):
        mint.redeem(mint.mint("https://example.com/me", NOW), moment)


def forged(token: str) -> str:
    header, claims, signature = token.split(".")
    edited = json.loads(base64.urlsafe_b64decode(claims + "=="))
    edited["sub"] = "https://example.com/somebody-else"
    return ".".join((header, base64.urlsafe_b64encode(json.dumps(edited).encode()).decode().rstrip("="), signature))


def unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


@pytest.mark.parametrize("tamper", [forged, unsigned, lambda _: "", lambda _: "a.b.c", lambda t: t + "x", str.upper])
def test_a_token_that_is_not_ours_is_refused(tamper) -> None:
    mint = Mint(ISSUER)
    with pytest.raises(TokenError):
        mint.redeem(tamper(mint.mint("https://example.com/me", NOW)), NOW)
    with pytest.raises(TokenError):
        Mint(ISSUER).redeem(mint.mint("https://example.com/me", NOW), NOW)


# --- the port


CERTIFICATE, ENTRIES = "/api/v2/signingCert", "/api/v1/log/entries"


@pytest.fixture
def served(instance):
    service = instance.service()
    with serving(service) as endpoint:
        yield service, endpoint


def post(endpoint, path: str, body: bytes, **headers: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def request_body(key=None, tamper=lambda der: der) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = tamper(csr.public_bytes(serialization.Encoding.DER))
    text = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(pem) + b"-----END CERTIFICATE REQUEST-----\n"
    return json.dumps({"certificateSigningRequest": base64.b64encode(text).decode()}).encode()


def bearer(service) -> str:
    return f"Bearer {service.mint.mint('https://example.com/me', datetime.now(UTC))}"


def test_a_certificate_is_issued_for_a_token_and_enters_the_ct_log(instance, served) -> None:
    service, endpoint = served
    before = instance.log.head("ct").size
    status, answer = post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service))
    assert status == 201
    assert len(answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]) == 3
    assert instance.log.head("ct").size == before + 1


def test_another_host_name_is_refused_even_with_a_token(served) -> None:
    service, endpoint = served
    status, _ = post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service), Host="evil.example")
    assert status == 421


@pytest.mark.parametrize("authorization", ["", "Basic dTpw", "Bearer", "Bearer x.y.z", "Bearer \xff"])
def test_without_our_token_there_is_no_certificate(authorization: str, served) -> None:
    status, _ = post(served[1], CERTIFICATE, request_body(), Authorization=authorization)
    assert status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"certificateSigningRequest": 5}',
        b'{"certificateSigningRequest": "!!!"}',
        b'{"certificateSigningRequest": "aGVsbG8="}',
        b"[" * 100_000,
    ],
)
def test_malformed_requests_are_answered_and_the_token_stays_good(body: bytes, served) -> None:
    service, endpoint = served
    authorization = bearer(service)
    assert post(endpoint, CERTIFICATE, body, Authorization=authorization)[0] == 400
    assert post(endpoint, CERTIFICATE, request_body(), Authorization=authorization)[0] == 201


def test_a_request_must_prove_possession_of_a_p256_key(served) -> None:
    service, endpoint = served
    flip = request_body(tamper=lambda der: der[:-1] + bytes([der[-1] ^ 1]))
    for body in (
        flip,
        request_body(rsa.generate_private_key(65537, 2048)),
        request_body(ec.generate_private_key(ec.SECP384R1())),
    ):
        assert post(endpoint, CERTIFICATE, body, Authorization=bearer(service))[0] == 400


def key_request(service, key=None, *, signs: str | None = None, token: str | None = None) -> bytes:
    """A request as sigstore-js makes it: the token inside, its subject signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    proof = key.sign((signs or "https://example.com/me").encode(), ec.ECDSA(hashes.SHA256()))
    return json.dumps(
        {
            "credentials": {"oidcIdentityToken": token or bearer(service).removeprefix("Bearer ")},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": public.decode()},
                "proofOfPossession": base64.b64encode(proof).decode(),
            },
        }
    ).encode()


def test_a_key_that_signed_the_tokens_subject_is_certified(served) -> None:
    service, endpoint = served
    assert post(endpoint, CERTIFICATE, key_request(service))[0] == 201
    wrong = [
        (key_request(service, signs="https://example.com/you"), 400),
        (key_request(service, ec.generate_private_key(ec.SECP384R1())), 400),
        (key_request(service, token="a.b.c"), 400),
        (key_request(service, token="nothing"), 400),
        (key_request(service, token=forged(bearer(service).removeprefix("Bearer "))), 400),
        (key_request(service, token=Mint(ISSUER).mint("https://example.com/me", datetime.now(UTC))), 401),
        (b'{"publicKeyRequest": {}, "credentials": {"oidcIdentityToken": "a.b.c"}}', 400),
        (b'{"publicKeyRequest": 5, "credentials": {"oidcIdentityToken": 5}}', 401),
        (b'{"publicKeyRequest": 5, "credentials": []}', 401),
    ]
    assert [post(endpoint, CERTIFICATE, body)[0] for body, _ in wrong] == [status for _, status in wrong]


def get(endpoint, path: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_the_log_answers_with_its_head_and_with_proofs_that_it_only_grew(instance, served) -> None:
    from theodore_plugin.signing.local.checkpoint import verified_head
    from theodore_plugin.signing.local.merkle import verify_consistency

    heads = []
    for number in range(3):
        instance.trees.rekor.append(f"entry {number}".encode(), 1)
        status, head = get(served[1], "/api/v1/log")
        tree = instance.trees.rekor
        assert status == 200
        checkpoint = verified_head(head["signedTreeHead"], tree.origin, tree.key.public_key())
        assert (checkpoint.size, checkpoint.root.hex()) == (head["treeSize"], head["rootHash"])
        heads.append(checkpoint)
    first, last = heads[0], heads[-1]
    status, proof = get(served[1], f"/api/v1/log/proof?firstSize={first.size}&lastSize={last.size}")
    assert (status, proof["rootHash"]) == (200, last.root.hex())
    hashes_ = [bytes.fromhex(digest) for digest in proof["hashes"]]
    assert verify_consistency(first.size, last.size, first.root, last.root, hashes_)
    assert not verify_consistency(first.size, last.size, bytes(32), last.root, hashes_)
    for query in (
        "",
        "firstSize=1",
        "lastSize=x",
        "firstSize=0&lastSize=1",
        f"lastSize={last.size + 1}",
        "lastSize=-1",
    ):
        assert get(served[1], f"/api/v1/log/proof?{query}")[0] == 400
    assert get(served[1], "/api/v1/secrets")[0] == 404


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"hashedRekordRequestV002": {}},
        {"hashedRekordRequestV002": {}, "dsseRequestV002": {}},
        {"rpmRequestV002": {}},
        {"hashedRekordRequestV002": 5},
        {"hashedRekordRequestV002": {"digest": "AAAA", "signature": {"content": "AAAA", "verifier": {}}}},
        {"dsseRequestV002": {"envelope": {"payload": "", "payloadType": "", "signatures": []}, "verifiers": []}},
    ],
)
def test_version_2_entries_that_prove_nothing_are_not_logged(entry: dict, instance, served) -> None:
    before = instance.log.head("rekor2")
    assert post(served[1], "/api/v2/log/entries", json.dumps(entry).encode())[0] == 400
    assert instance.log.head("rekor2") == before


def test_only_version_2_signatures_by_our_own_certificates_are_logged(instance, served, tmp_path, signed_entry) -> None:
    own, stranger = signed_entry(instance, b"hello"), signed_entry(open_or_create("stranger", tmp_path), b"hello")
    other_digest = json.loads(own)
    other_digest["hashedRekordRequestV002"]["digest"] = base64.b64encode(bytes(32)).decode()
    other_key = json.loads(own)
    other_key["hashedRekordRequestV002"]["signature"]["verifier"]["keyDetails"] = "PKIX_ED25519"
    bodies = [own, stranger, json.dumps(other_digest).encode(), json.dumps(other_key).encode()]
    assert [post(served[1], "/api/v2/log/entries", body)[0] for body in bodies] == [201, 400, 400, 400]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kind": "rpm", "apiVersion": "0.0.1", "spec": {}},
        {"kind": "hashedrekord", "apiVersion": "0.0.2", "spec": {}},
        {"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {}},
        {"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {"data": 5}},
        {"kind": ["dsse"], "apiVersion": "0.0.1", "spec": {}},
        {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": {"envelope": "{}", "verifiers": []}}},
        {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": {"envelope": "x", "verifiers": ["x"]}}},
    ],
)
def test_entries_that_prove_nothing_are_not_logged(entry: dict, instance, served) -> None:
    before = instance.log.head("rekor")
    assert post(served[1], ENTRIES, json.dumps(entry).encode())[0] == 400
    assert instance.log.head("rekor") == before


def hashedrekord(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, data: bytes = b"hello") -> bytes:
    import hashlib

    pem = certificate.public_bytes(serialization.Encoding.PEM)
    signature = {
        "content": base64.b64encode(key.sign(b"hello", ec.ECDSA(hashes.SHA256()))).decode(),
        "publicKey": {"content": base64.b64encode(pem).decode()},
    }
    digest = {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
    spec = {"data": {"hash": digest}, "signature": signature}
    return json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}).encode()


def test_only_signatures_by_our_own_certificates_in_their_time_are_logged(instance, served, tmp_path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = open_or_create("stranger", tmp_path)
    now = datetime.now(UTC)

    def leaf(of, moment: datetime) -> x509.Certificate:
        return of.authority.issue(key.public_key(), "https://example.com/me", ISSUER, moment).certificate

    answers = [
        post(served[1], ENTRIES, body)[0]
        for body in (
            hashedrekord(leaf(instance, now), key),
            hashedrekord(leaf(stranger, now), key),
            hashedrekord(leaf(instance, now - timedelta(hours=1)), key),
            hashedrekord(leaf(instance, now), key, data=b"something else"),
        )
    ]
    assert answers == [201, 400, 400, 400]


def test_unknown_paths_other_methods_and_huge_bodies_are_refused(served) -> None:
    _, endpoint = served
    assert post(endpoint, "/api/v1/log", b"{}")[0] == 404
    host, port = endpoint.url.removeprefix("http://").split(":")
    for request, expected in (
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"421"),
        (f"POST {ENTRIES} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 99999999999\r\n\r\n".encode(), b"413"),
        (f"POST {ENTRIES} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: -1\r\n\r\n".encode(), b"413"),
        (f"POST {ENTRIES} HTTP/1.1\r\nHost: {host}:{port}\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), b"413"),
    ):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(request)
            assert expected in connection.recv(4096).split(b"\r\n")[0]


def announcing(endpoint, size: int, path: str = ENTRIES) -> socket.socket:
    """A connection that has announced a body and not sent it."""
    host, port = endpoint.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {size}\r\n\r\n".encode())
    return connection


def test_whoever_has_no_certificate_sends_no_large_body(served) -> None:
    service, endpoint = served
    assert post(endpoint, CERTIFICATE, request_body())[0] == 401
    with announcing(endpoint, server.MAX_UNKNOWN + 1) as connection:
        assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]
    assert "once a certificate was issued" in str(endpoint.problems[-1])
    assert post(endpoint, ENTRIES, b" " * server.MAX_UNKNOWN)[0] == 400
    assert post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service))[0] == 201
    assert post(endpoint, ENTRIES, b" " * (server.MAX_UNKNOWN + 1))[0] == 400
    with announcing(endpoint, server.MAX_UNKNOWN + 1, CERTIFICATE) as connection:
        assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]


def test_what_is_announced_takes_no_room_and_what_is_sent_gives_it_back(served) -> None:
    service, endpoint = served
    assert post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service))[0] == 201
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(announcing(endpoint, server.MAX_BODY))
        assert post(endpoint, ENTRIES, b" " * (1 << 20))[0] == 400
    for _ in range(3):
        assert post(endpoint, ENTRIES, b" " * (24 << 20))[0] == 400  # more in all than there is room for at once


def test_more_than_there_is_room_for_is_refused_while_it_comes(instance, monkeypatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY", 300_000)
    service = instance.service()
    with serving(service) as endpoint:
        with announcing(endpoint, server.MAX_UNKNOWN) as first, announcing(endpoint, server.MAX_UNKNOWN) as second:
            for connection in (first, second):
                with suppress(OSError):  # it may be cut off before all was sent
                    connection.sendall(b" " * (server.MAX_UNKNOWN - 1))
            assert select([first, second], [], [], 60)[0]  # one is answered, or cut off, unread to the end
        assert "too many large requests" in str(endpoint.problems[0])
        assert post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service))[0] == 201


def test_a_request_that_drips_has_its_time_and_no_more(instance, monkeypatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)
    last = time.monotonic() + 60
    with serving(instance.service()) as endpoint:
        while not endpoint.problems:  # of one that is late with its headers already, none is kept: the next one, then
            assert time.monotonic() < last
            with suppress(OSError), announcing(endpoint, server.MAX_UNKNOWN) as connection:
                while time.monotonic() < last:  # a byte now and then begins no new wait
                    connection.send(b" ")
                    time.sleep(0.01)
        assert isinstance(endpoint.problems[0], TimeoutError)


def test_a_client_that_hangs_up_disturbs_nobody(served) -> None:
    service, endpoint = served
    host, port = endpoint.url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                f"POST {ENTRIES} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 500\r\n\r\n{{".encode()
            )
    assert post(endpoint, CERTIFICATE, request_body(), Authorization=bearer(service))[0] == 201


def test_the_port_is_loopback_and_closes_with_the_signature(instance) -> None:
    with serving(instance.service()) as endpoint:
        host, port = endpoint.url.removeprefix("http://").split(":")
        assert host == "127.0.0.1"
    assert any(refuses(host, int(port)) for _ in range(10))  # somebody else may have been given the port meanwhile


def refuses(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False
