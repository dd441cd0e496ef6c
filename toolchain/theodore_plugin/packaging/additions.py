"""What packaging itself puts into a wheel's ``.dist-info``, beside what the build backend writes there."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import API_USAGE_NAME, LOCK_NAME
from theodore_loader.errors import Refused
from theodore_loader.manifest import MANIFEST_NAME, Manifest, to_json
from theodore_loader.policy import Policy
from theodore_plugin.packaging.api_usage import to_json as usage_to_json
from theodore_plugin.packaging.sbom import sbom, sbom_name
from theodore_plugin.project import PluginProject


def additions(project: PluginProject, policy: Policy, lock: bytes, *, epoch: int) -> dict[str, bytes]:
    """Return the files by name inside ``.dist-info``: they follow from the sources, the lock and the time alone.

    ``epoch`` is the time of the build in seconds since 1970. Raises :class:`Refused` (``manifest-missing``) if the
    plugin's metadata cannot be read.
    """
    from theodore_plugin.analysis import analyse

    analysis = analyse(project, policy)
    reading = analysis.metadata
    if reading.info is None or reading.plugin_class is None:
        raise Refused(
            "manifest-missing",
            "the plugin's metadata cannot be read",
            help="run `theodore-plugin check` for the reasons",
        )
    manifest = Manifest(reading.info, reading.plugin_class)
    name = canonicalize_name(project.name or reading.info.name)
    return {
        MANIFEST_NAME: to_json(manifest),
        LOCK_NAME: lock,
        API_USAGE_NAME: usage_to_json(analysis.api),
        sbom_name(name): sbom(manifest, read_lock(lock), epoch=epoch),
    }
