"""What Fulcio takes from the tokens of well-known CI systems, and which issuers serve everybody.

Claims and statements: sigstore/fulcio, ``docs/oid-info.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Profile:
    """How identity and statements of one CI system are made of its claims."""

    identity_uri: str
    statements: Mapping[str, str]


_GITHUB = "https://github.com"

PROFILES: Mapping[str, Profile] = {
    "github-actions": Profile(
        f"{_GITHUB}/{{job_workflow_ref}}",
        {
            "build_signer_uri": f"{_GITHUB}/{{job_workflow_ref}}",
            "build_signer_digest": "{job_workflow_sha}",
            "runner_environment": "{runner_environment}",
            "source_repository_uri": f"{_GITHUB}/{{repository}}",
            "source_repository_digest": "{sha}",
            "source_repository_ref": "{ref}",
            "source_repository_id": "{repository_id}",
            "source_repository_owner_uri": f"{_GITHUB}/{{repository_owner}}",
            "source_repository_owner_id": "{repository_owner_id}",
            "build_config_uri": f"{_GITHUB}/{{workflow_ref}}",
            "build_config_digest": "{workflow_sha}",
            "build_trigger": "{event_name}",
            "run_invocation_uri": f"{_GITHUB}/{{repository}}/actions/runs/{{run_id}}/attempts/{{run_attempt}}",
            "source_repository_visibility": "{repository_visibility}",
        },
    ),
    "gitlab": Profile(
        "https://{ci_config_ref_uri}",
        {
            "build_signer_uri": "https://{ci_config_ref_uri}",
            "build_signer_digest": "{ci_config_sha}",
            "runner_environment": "{runner_environment}",
            "source_repository_digest": "{sha}",
            "source_repository_ref": "{ref}",
            "source_repository_id": "{project_id}",
            "source_repository_owner_id": "{namespace_id}",
            "build_config_uri": "https://{ci_config_ref_uri}",
            "build_config_digest": "{ci_config_sha}",
            "build_trigger": "{pipeline_source}",
            "source_repository_visibility": "{project_visibility}",
        },
    ),
}

_SHARED = frozenset(
    {
        "accounts.google.com",
        "agent.buildkite.com",
        "gitlab.com",
        "login.microsoftonline.com",
        "oauth2.sigstore.dev",
        "oidc.circleci.com",
        "token.actions.githubusercontent.com",
    }
)


def is_shared(issuer: str) -> bool:
    """Tell whether anybody can have tokens of ``issuer``, so that being vouched for by it says nothing yet."""
    return urlsplit(issuer).hostname in _SHARED
