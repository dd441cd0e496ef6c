"""What the running service answers, refuses and writes down."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from team_service import ISSUER_KEYS, Team, csr, hashedrekord, serving_team

from theodore_loader.trust.certificate import claims_of, identity_of
from theodore_plugin.signing.local import merkle
from theodore_plugin.signing.local.instance import open_or_create
from theodore_plugin.signing.local.merkle import verify_consistency

if TYPE_CHECKING:
    from oidc_provider import Provider

ENTRIES = "/api/v1/log/entries"


@pytest.fixture
def own(provider: Provider, tmp_path: Path):
    """A service of the test's own, with narrow limits."""
    limits = {"certificates_per_minute": 3, "entries_per_minute": 2, "requests_per_minute": 30}
    with serving_team(tmp_path / "home", {"issuer": provider.url, **ISSUER_KEYS}, limits) as running:
        yield running


# --- certificates


def test_a_certificate_says_whom_the_issuer_named(team: Team, shared_provider: Provider) -> None:
    leaf = team.leaf(shared_provider.token())
    assert identity_of(leaf) == "jo@acme.example"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["jo@acme.example"]


def test_a_ci_token_becomes_a_uri_with_its_source(provider: Provider, tmp_path: Path) -> None:
    issuer = {
        "issuer": provider.url,
        "audience": "sigstore",
        "identity_uri": "https://git.example/{workflow}",
        "statements": {"source_repository_owner_id": "{owner}", "source_repository_uri": "https://git.example/{repo}"},
    }
    with serving_team(tmp_path / "home", issuer) as running:
        leaf = running.leaf(provider.token(workflow="acme/ci.yml@v1", owner=5, repo="acme/hello"))
    assert identity_of(leaf) == "https://git.example/acme/ci.yml@v1"
    assert claims_of(leaf) == {
        "source_repository_owner_id": "5",
        "source_repository_uri": "https://git.example/acme/hello",
    }


def test_a_token_is_used_once_also_after_a_restart(provider: Provider, tmp_path: Path) -> None:
    token = provider.token()
    issuer = {"issuer": provider.url, **ISSUER_KEYS}
    for expected in (201, 401):
        with serving_team(tmp_path / "home", issuer) as running:
            assert running.certificate(token)[0] == expected
    assert "has been used" in running.reasons()[0]
    with serving_team(tmp_path / "home", {**issuer, "single_use": False}) as running:
        assert [running.certificate(token)[0] for _ in range(2)] == [201, 201]


def test_two_services_on_one_folder_take_a_token_once_and_keep_one_log(provider: Provider, tmp_path: Path) -> None:
    issuer = {"issuer": provider.url, **ISSUER_KEYS}
    token = provider.token()
    with serving_team(tmp_path / "home", issuer) as one, serving_team(tmp_path / "home", issuer) as other:
        assert [running.certificate(token)[0] for running in (one, other)] == [201, 401]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: (one, other)[n % 2].certificate(provider.token())[0], range(16)))
        assert set(answers) == {201}
        heads = [running.get("/ct/v1/get-sth")[1] for running in (one, other)]
    assert heads[0]["sha256_root_hash"] == heads[1]["sha256_root_hash"]
    assert heads[0]["tree_size"] == 17


def test_of_fifty_uses_at_once_one_is_the_first(team: Team, shared_provider: Provider) -> None:
    token = shared_provider.token()
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: team.certificate(token)[0], range(50)))
    assert sorted(set(answers)) == [201, 401]
    assert answers.count(201) == 1


def test_a_malformed_request_leaves_the_token_good(team: Team, shared_provider: Provider) -> None:
    token = shared_provider.token()
    for body in (
        b"{}",
        b"[" * 50_000,
        csr(rsa.generate_private_key(65537, 1024)),
        csr(rsa.generate_private_key(65537, 2048)),
        csr(ec.generate_private_key(ec.SECP384R1())),
        csr(tamper=lambda der: der[:-1] + bytes([der[-1] ^ 1])),
    ):
        assert team.certificate(token, body)[0] == 400
    assert team.certificate(token)[0] == 201


def test_what_a_request_says_about_itself_is_not_certified(team: Team, shared_provider: Provider) -> None:
    boss = x509.SubjectAlternativeName([x509.RFC822Name("boss@acme.example")])
    issuer = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), b"https://evil.example")
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "boss@acme.example")]))
        .add_extension(boss, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(issuer, critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    pem = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    body = json.dumps({"certificateSigningRequest": pem}).encode()
    status, answer = team.certificate(shared_provider.token(), body)
    assert status == 201
    chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    assert identity_of(leaf) == "jo@acme.example"
    assert list(leaf.subject) == []
    assert x509.BasicConstraints.oid not in {extension.oid for extension in leaf.extensions}
    stated = leaf.extensions.get_extension_for_oid(issuer.oid).value
    assert stated.value == shared_provider.url.encode()


def test_a_request_for_somebody_elses_key_is_refused(team: Team, shared_provider: Provider) -> None:
    mine, theirs = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    spki = [
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for key in (mine, theirs)
    ]
    body = csr(mine, tamper=lambda der: der.replace(spki[0], spki[1]))
    status, answer = team.certificate(shared_provider.token(), body)
    assert (status, answer["message"]) == (400, "the request does not prove possession of its key")


def key_request(token: str, key: ec.EllipticCurvePrivateKey, subject: str) -> bytes:
    """A request as sigstore-js and cosign make it: token and key in the body, the subject signed."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    proof = key.sign(subject.encode(), ec.ECDSA(hashes.SHA256()))
    return json.dumps(
        {
            "credentials": {"oidcIdentityToken": token},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": pem.decode()},
                "proofOfPossession": base64.b64encode(proof).decode(),
            },
        }
    ).encode()


def test_a_key_may_be_asked_for_as_other_clients_do(team: Team, shared_provider: Provider) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    token, path = shared_provider.token(), "/api/v2/signingCert"
    assert team.post(path, key_request(token, key, "somebody else"))[0] == 400
    assert team.post(path, key_request("a.b.c", key, "jo@acme.example"))[0] == 401
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=")
    assert team.post(path, key_request(f"{deep}.{deep}.x", key, "jo@acme.example"))[0] == 401
    assert team.post(path, key_request(token, key, "jo@acme.example"))[0] == 201
    assert team.post(path, key_request(token, key, "jo@acme.example"))[0] == 401


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic dTpw", "Bearer", "Bearer x.y.z", "Bearer a b", "Bearer \xff"]
)
def test_without_a_token_there_is_no_certificate(authorization: str | None, team: Team) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert team.post("/api/v2/signingCert", csr(), **headers)[0] == 401


# --- the log


def test_entries_are_logged_read_back_and_proven(team: Team, shared_provider: Provider) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    status, answer = team.certificate(shared_provider.token(), csr(key))
    assert status == 201
    chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    before = team.get("/api/v1/log")[1]
    status, logged = team.post(ENTRIES, hashedrekord(leaf, key))
    assert status == 201
    ((uuid, entry),) = logged.items()
    for path in (f"{ENTRIES}/{uuid}", f"{ENTRIES}/{'0' * 16}{uuid}", f"{ENTRIES}?logIndex={entry['logIndex']}"):
        status, again = team.get(path)
        assert status == 200
        assert again[uuid]["body"] == entry["body"]
        assert again[uuid]["integratedTime"] == entry["integratedTime"]
    after = team.get("/api/v1/log")[1]
    assert after["treeSize"] == before["treeSize"] + 1
    if before["treeSize"]:
        path = f"/api/v1/log/proof?firstSize={before['treeSize']}&lastSize={after['treeSize']}"
        proof = [bytes.fromhex(one) for one in team.get(path)[1]["hashes"]]
        roots = [bytes.fromhex(one["rootHash"]) for one in (before, after)]
        assert verify_consistency(before["treeSize"], after["treeSize"], *roots, proof)
    line = team.journal[-1]
    assert (line["event"], line["uuid"], line["log_index"]) == ("entry", uuid, entry["logIndex"])


def test_entries_with_certificates_of_others_are_not_logged(team: Team, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = open_or_create("stranger", tmp_path)
    now = datetime.now(UTC)
    before = team.get("/api/v1/log")[1]["treeSize"]
    for of, moment, data in (
        (stranger, now, b"hello"),
        (team.instance, now - timedelta(hours=1), b"hello"),
        (team.instance, now, b"something else"),
    ):
        leaf = of.authority.issue(key.public_key(), "urn:me", "https://issuer.example", moment).certificate
        assert team.post(ENTRIES, hashedrekord(leaf, key, data))[0] == 400
    assert team.post("/api/v2/log/entries", b"{}")[0] == 400
    assert team.post("/api/v1/timestamp", b"\x30\x80")[0] == 400
    assert team.get("/api/v1/log")[1]["treeSize"] == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{ENTRIES}?logIndex=999999", 404),
        (f"{ENTRIES}?logIndex=-1", 400),
        (f"{ENTRIES}?logIndex=99999999999999999999999", 400),
        (f"{ENTRIES}?logIndex=%D9%A1", 400),
        (f"{ENTRIES}", 400),
        (f"{ENTRIES}/{'0' * 64}", 404),
        (f"{ENTRIES}/zz", 400),
        (f"{ENTRIES}/" + "g" * 64, 400),
        ("/api/v1/log/proof?firstSize=9&lastSize=1", 400),
        ("/api/v1/log/proof?firstSize=1&lastSize=999999", 400),
        ("/", 404),
        ("/../../etc/passwd", 404),
        ("/trusted-root.json/", 404),
        ("//trusted-root.json", 404),
    ],
)
def test_reading_what_is_not_there_is_answered(path: str, status: int, team: Team) -> None:
    assert team.get(path)[0] == status


def test_clients_configure_themselves(team: Team, shared_provider: Provider) -> None:
    assert team.get("/trusted-root.json")[1] == team.instance.trusted_root()
    config = team.get("/trust-config.json")[1]
    assert config["trustedRoot"] == team.instance.trusted_root()
    assert config["signingConfig"]["caUrls"][0]["url"] == team.url
    assert config["signingConfig"]["oidcUrls"][0]["url"] == shared_provider.url
    assert team.get("/healthz") == (200, {"status": "ok"})


def root_of(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2)."""
    last, root = size - 1, leaf
    for sibling in path:
        assert last
        if index % 2 or index == last:
            root = hashlib.sha256(b"\1" + sibling + root).digest()
            while index and not index % 2:
                index, last = index >> 1, last >> 1
        else:
            root = hashlib.sha256(b"\1" + root + sibling).digest()
        index, last = index >> 1, last >> 1
    assert not last
    return root


def test_a_monitor_reads_whom_certificates_were_issued_for(team: Team, shared_provider: Provider) -> None:
    leaf = team.leaf(shared_provider.token())
    head = team.get("/ct/v1/get-sth")[1]
    size, root = head["tree_size"], base64.b64decode(head["sha256_root_hash"])
    signed = struct.pack("!BBQQ", 0, 1, head["timestamp"], size) + root
    signature = base64.b64decode(head["tree_head_signature"])
    assert signature[:2] == b"\x04\x03"
    key = team.instance.authority.ct_key.public_key()
    key.verify(signature[4:], signed, ec.ECDSA(hashes.SHA256()))
    entries = team.get(f"/ct/v1/get-entries?start=0&end={size + 1000}")[1]["entries"]
    assert len(entries) == min(size, 100)
    last = team.get(f"/ct/v1/get-entries?start={size - 1}&end={size - 1}")[1]["entries"][0]
    assert leaf.tbs_precertificate_bytes in base64.b64decode(last["leaf_input"])
    chain = team.instance.authority.intermediate.public_bytes(serialization.Encoding.DER)
    assert chain in base64.b64decode(last["extra_data"])
    wanted = base64.b64encode(merkle.leaf_hash(base64.b64decode(last["leaf_input"]))).decode()
    proof = team.get(f"/ct/v1/get-proof-by-hash?{urlencode({'hash': wanted, 'tree_size': size})}")[1]
    path = [base64.b64decode(one) for one in proof["audit_path"]]
    assert proof["leaf_index"] == size - 1
    assert root_of(size - 1, size, base64.b64decode(wanted), path) == root
    team.leaf(shared_provider.token())
    later = team.get("/ct/v1/get-sth")[1]
    path = team.get(f"/ct/v1/get-sth-consistency?first={size}&second={size + 1}")[1]["consistency"]
    assert verify_consistency(
        size,
        size + 1,
        root,
        base64.b64decode(later["sha256_root_hash"]),
        [base64.b64decode(one) for one in path],
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("get-entries?start=5&end=4", 400),
        ("get-entries?start=999999&end=999999", 400),
        ("get-entries?start=-1&end=0", 400),
        ("get-sth-consistency?first=0&second=999999", 400),
        ("get-proof-by-hash?hash=AA&tree_size=1", 400),
        ("get-proof-by-hash?hash=!&tree_size=1", 400),
        (f"get-proof-by-hash?hash={'A' * 43}%3D&tree_size=1", 404),
        ("get-roots", 404),
        ("../../healthz", 404),
    ],
)
def test_what_a_monitor_cannot_ask_is_answered(query: str, status: int, team: Team) -> None:
    assert team.get(f"/ct/v1/{query}")[0] == status


# --- who asks, and how often


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_name_is_refused_even_with_a_token(host: str, team: Team, shared_provider: Provider) -> None:
    token = shared_provider.token()
    headers = {"Authorization": f"Bearer {token}", "Host": host}
    assert team.post("/api/v2/signingCert", csr(), **headers)[0] == 421
    assert team.certificate(token)[0] == 201


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str, team: Team) -> None:
    assert team.ask(method, "/trusted-root.json", None)[0] == 405


def test_an_identity_has_its_share_and_others_theirs(own: Team, provider: Provider) -> None:
    assert [own.certificate(provider.token())[0] for _ in range(4)] == [201, 201, 201, 429]
    assert own.certificate(provider.token(email="eve@acme.example"))[0] == 201
    assert "jo@acme.example has had 3 certificates" in own.reasons()[0]


def test_nobody_spends_anothers_share_of_entries(own: Team, provider: Provider) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    _, answer = own.certificate(provider.token(), csr(key))
    leaf = x509.load_pem_x509_certificate(answer["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].encode())
    forged = hashedrekord(leaf, ec.generate_private_key(ec.SECP256R1()))
    assert {own.post(ENTRIES, forged)[0] for _ in range(5)} == {400}
    assert [own.post(ENTRIES, hashedrekord(leaf, key))[0] for _ in range(3)] == [201, 201, 429]


def test_an_address_has_its_share_and_health_is_free(own: Team) -> None:
    answers = [own.get("/trusted-root.json")[0] for _ in range(40)]
    assert (answers[0], answers[-1]) == (200, 429)
    assert own.get("/healthz")[0] == 200


def test_a_proxys_word_counts_only_where_the_proxy_is_trusted(provider: Provider, tmp_path: Path, own: Team) -> None:
    token = provider.token(iss="https://evil.example")
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    own.post("/api/v2/signingCert", csr(), **headers)
    assert own.journal[-1]["address"] == "127.0.0.1"
    issuer = {"issuer": provider.url, **ISSUER_KEYS}
    proxied = {"trusted_proxies": ["127.0.0.0/8"]}
    with serving_team(tmp_path / "proxied", issuer, service=proxied) as running:
        running.post("/api/v2/signingCert", csr(), **headers)
        assert running.journal[-1]["address"] == "198.51.100.7"
        running.post("/api/v2/signingCert", csr(), **{**headers, "X-Forwarded-For": "nobody"})
        assert running.journal[-1]["address"] == "127.0.0.1"


# --- the log of the service


def test_the_log_says_who_had_what_and_never_holds_a_token(own: Team, provider: Provider) -> None:
    good, bad = provider.token(), provider.token(aud="other")
    leaf = own.leaf(good)
    own.certificate(bad)
    own.post("/api/v2/signingCert", csr(), Authorization=f"Basic {good}")
    issued, *refused = own.journal
    assert issued["event"] == "certificate"
    assert issued["serial"] == f"{leaf.serial_number:x}"
    assert issued["ct_index"] == own.instance.log.head("ct").size - 1
    assert [line["reason"] for line in refused] == [
        "the token is not for 'sigstore' alone",
        "a bearer token is required",
    ]
    for token in (good, bad):
        for part in token.split("."):
            assert part not in own.output.getvalue()


def test_what_clients_send_cannot_write_lines_of_its_own(own: Team) -> None:
    own.get('/x%0a{"event":"certificate"}\u001b[31m'.encode().decode("latin-1").replace("\x1b", "%1b"))
    assert [line["event"] for line in own.journal] == ["refused"]
    assert own.output.getvalue().count("\n") == 1


def test_a_certificate_that_cannot_be_written_down_is_not_handed_out(own: Team, provider: Provider) -> None:
    class Full:
        def write(self, _: str) -> None:
            raise OSError(28, "No space left on device")

    object.__setattr__(own.endpoints.desk.journal, "stream", Full())
    status, answer = own.certificate(provider.token())
    assert status == 503
    assert "signedCertificateEmbeddedSct" not in answer


def test_an_instance_that_was_replaced_under_the_service_signs_nothing(own: Team, provider: Provider) -> None:
    own.leaf(provider.token())
    own.instance.folder.rename(own.instance.folder.with_name("aside"))
    open_or_create(own.config.place.instance, own.instance.folder.parent.parent)
    assert own.certificate(provider.token())[0] == 503
    assert own.get("/healthz")[0] == 503
    assert own.instance.log.head("ct").size == 0
    assert "has been replaced" in own.journal[-1]["reason"]
