"""The unmodified sigstore library against the service: certificates, signatures, verification."""

from __future__ import annotations

import json

import pytest
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

DATA = b"a wheel"


def signed(team, token: str):
    config = ClientTrustConfig.from_json(json.dumps(team.get("/trust-config.json")[1]))
    with SigningContext.from_trust_config(config).signer(IdentityToken(token)) as signer:
        return config, signer.sign_artifact(DATA)


@pytest.mark.parametrize("key_id", ["rsa-1", "ec-1", "ed-1"])
def test_sigstore_signs_with_a_token_of_the_issuer_and_verifies_what_it_signed(team, shared_provider, key_id) -> None:
    config, bundle = signed(team, shared_provider.token(key_id))
    Verifier(trusted_root=config.trusted_root).verify_artifact(
        DATA, bundle, policy.Identity(identity="jo@acme.example", issuer=shared_provider.url)
    )
    certificates = [line for line in team.journal if line["event"] == "certificate"]
    assert certificates[-1]["identity"] == "jo@acme.example"
    assert certificates[-1]["serial"] == f"{bundle.signing_certificate.serial_number:x}"
