"""The options that say whose certificate signs, for every command that signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from theodore_plugin.signing.instances import SigningInstance
    from theodore_plugin.signing.oidc import Credentials

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for on the command line."""

    instance: str | None
    trust_config: str | None
    tuf_url: str | None
    tuf_root: Path | None
    identity_token: str | None = field(repr=False)
    oidc_client_id: str
    no_browser: bool

    def open(self) -> SigningInstance:
        """Return the instance asked for; raises ConfigurationProblem for options that contradict each other."""
        from theodore_plugin.signing import instances

        self._refuse_contradictions()
        if self.trust_config is not None:
            return instances.private(self.trust_config, self._credentials())
        if self.tuf_url is not None:
            return instances.private_by_tuf(self.tuf_url, self.tuf_root, self._credentials())
        return instances.public(self._credentials()) if self.instance == "public" else instances.local()

    def _credentials(self) -> Credentials:
        from theodore_plugin.signing.oidc import Credentials

        return Credentials(self.identity_token, self.oidc_client_id, not self.no_browser)

    def _refuse_contradictions(self) -> None:
        from theodore_loader.errors import ConfigurationProblem

        described = self.trust_config is not None or self.tuf_url is not None
        if self.trust_config is not None and self.tuf_url is not None:
            raise ConfigurationProblem(
                "--trust-config and --tuf-url both describe the instance", help="give the one its owner gave you"
            )
        if self.instance == "private" and not described:
            raise ConfigurationProblem(
                "--instance private needs a description of the instance",
                help="--trust-config FILE, --trust-config URL#sha256=FINGERPRINT, or --tuf-url URL",
            )
        if self.instance in {"local", "public"} and described:
            raise ConfigurationProblem(
                f"--instance {self.instance} is described already",
                help="leave out --trust-config and --tuf-url (THEODORE_PLUGIN_TRUST_CONFIG), or say --instance private",
            )
        if self.tuf_root is not None and self.tuf_url is None:
            raise ConfigurationProblem("--tuf-root belongs to --tuf-url", help="give both")


_OPTIONS = (
    click.option(
        "--instance",
        type=click.Choice(["local", "private", "public"]),
        help="Whose certificate signs: this machine's own sigstore instance (the default), a private one, or the "
        "public one.",
    ),
    click.option(
        "--trust-config",
        metavar="FILE|URL",
        envvar="THEODORE_PLUGIN_TRUST_CONFIG",
        show_envvar=True,
        help="The private instance: its ClientTrustConfig, or URL#sha256=FINGERPRINT of a team's service.",
    ),
    click.option("--tuf-url", metavar="URL", help="The private instance: its sigstore TUF repository."),
    click.option(
        "--tuf-root",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Root metadata of the TUF repository, for its first use.",
    ),
    click.option(
        "--identity-token",
        envvar="SIGSTORE_IDENTITY_TOKEN",
        show_envvar=True,
        help="OIDC token to sign as; default: that of the CI job, otherwise a sign-in in the browser.",
    ),
    click.option(
        "--oidc-client-id",
        metavar="ID",
        default="sigstore",
        show_default=True,
        help="Audience of the token, where the instance's issuer has another one.",
    ),
    click.option(
        "--no-browser", is_flag=True, help="Show the address to sign in at, and take the code it gives, instead."
    ),
)


def signing_choice(command: Command) -> Command:
    """Add the options to ``command``, which gets them as one argument: ``choice``."""

    @wraps(command)
    def chosen(**values: Any) -> Any:
        mine = {name: values.pop(name) for name in Choice.__slots__}
        return command(choice=Choice(**mine), **values)

    decorated: Command = chosen
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
