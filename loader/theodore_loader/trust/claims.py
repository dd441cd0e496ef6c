"""Certificate claims a trust file may demand beside issuer and identity: who owned the source, where it was built.

Names are ours, object identifiers Fulcio's (sigstore/fulcio, ``docs/oid-info.md``); each maps to the sigstore policy
that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping

CLAIMS: Mapping[str, str] = {
    "build_signer_uri": "OIDCBuildSignerURI",
    "build_config_uri": "OIDCBuildConfigURI",
    "runner_environment": "OIDCRunnerEnvironment",
    "source_repository_uri": "OIDCSourceRepositoryURI",
    "source_repository_ref": "OIDCSourceRepositoryRef",
    "source_repository_id": "OIDCSourceRepositoryIdentifier",
    "source_repository_owner_uri": "OIDCSourceRepositoryOwnerURI",
    "source_repository_owner_id": "OIDCSourceRepositoryOwnerIdentifier",
    "source_repository_visibility": "OIDCSourceRepositoryVisibility",
}
"""Claim name → class in ``sigstore.verify.policy``."""
