"""The bill of materials of a plugin: CycloneDX 1.6 JSON, made from the manifest and the lock and nothing else.

It lies inside the wheel (``.dist-info/sboms``, PEP 770) and, the same bytes, beside it. Nothing about the machine or
the moment is in it: no tool, no random serial number, and the time is the build's. Licences of dependencies are left
out, because a lock does not state them and what is installed here is not what is installed elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

from theodore_loader import strict_json
from theodore_loader.manifest import Manifest, to_json
from theodore_plugin.packaging.lock_format import canonical_lock

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License
    from packaging.pylock import Package, Pylock

MAX_BYTES = 8 * 1024 * 1024
_PROPERTY = "theodore"


def sbom_name(distribution: str) -> str:
    """Return where a wheel keeps it, below ``.dist-info``; ``distribution`` is the normalised name."""
    return f"sboms/{distribution}.cdx.json"


def sbom(manifest: Manifest, lock: Pylock, *, epoch: int) -> bytes:
    """Return the bill of materials; same manifest, lock and epoch (seconds since 1970), same bytes."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    plugin = _plugin(manifest)
    components = {_key(package): _component(package) for package in lock.packages}
    content = to_json(manifest) + canonical_lock(lock)
    bom = Bom(
        components=components.values(),
        metadata=BomMetaData(component=plugin, timestamp=datetime.fromtimestamp(epoch, UTC)),
        serial_number=uuid5(NAMESPACE_URL, f"urn:theodore:sbom:{hashlib.sha256(content).hexdigest()}"),
    )
    needs = _needs(lock)
    bom.register_dependency(plugin, [components[key] for key in _roots(manifest, lock, needs)])
    for key, component in components.items():
        bom.register_dependency(component, [components[need] for need in needs[key]])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2).encode() + b"\n"


def _plugin(manifest: Manifest) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalContact

    info = manifest.info
    permissions = sorted({f"{permission.type.value} {permission.pattern}" for permission in info.permissions})
    return Component(
        name=info.name,
        version=info.version,
        type=ComponentType.APPLICATION,
        bom_ref=_purl(info.name, info.version),
        purl=_package_url(info.name, info.version),
        description=info.description,
        authors=[OrganizationalContact(name=info.author, email=info.email or None)],
        licenses=list(_licences(info.license)),
        properties=[
            Property(name=f"{_PROPERTY}:category", value=info.category.value),
            *(Property(name=f"{_PROPERTY}:permission", value=text) for text in permissions),
        ],
    )


def _component(package: Package) -> Component:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
    from cyclonedx.model.component import Component, ComponentType

    hashes = {
        wheel.filename: HashType(alg=HashAlgorithm.SHA_256, content=wheel.hashes["sha256"])
        for wheel in package.wheels or ()
    }
    marker = [Property(name=f"{_PROPERTY}:marker", value=str(package.marker))] if package.marker else []
    return Component(
        name=package.name,
        version=str(package.version),
        type=ComponentType.LIBRARY,
        bom_ref=_purl(*_key(package)),
        purl=_package_url(*_key(package)),
        hashes=list(hashes.values()) if len(hashes) == 1 else [],
        external_references=[
            ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(name), hashes=[digest])
            for name, digest in hashes.items()
        ],
        properties=marker,
    )


def _licences(stated: str) -> Iterator[License]:
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    if not stated:
        return
    try:
        yield LicenseExpression(canonicalize_license_expression(stated))
    except InvalidLicenseExpression:
        yield DisjunctiveLicense(name=stated)


def _key(package: Package) -> tuple[str, str]:
    return package.name, str(package.version)


def _needs(lock: Pylock) -> Mapping[tuple[str, str], Sequence[tuple[str, str]]]:
    """Return who depends on whom, as far as the lock says (PEP 751, ``packages.dependencies``)."""
    named: dict[str, list[tuple[str, str]]] = {}
    for package in lock.packages:
        named.setdefault(package.name, []).append(_key(package))
    return {
        _key(package): [
            key
            for entry in package.dependencies or ()
            for key in named.get(str(entry.get("name")), ())
            if entry.get("version") in (None, key[1])
        ]
        for package in lock.packages
    }


def _roots(
    manifest: Manifest, lock: Pylock, needs: Mapping[tuple[str, str], Iterable[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """Return what the plugin itself asks for: what its manifest names, and whatever nothing else leads to."""
    declared = [*manifest.info.required_packages, *manifest.info.optional_packages]
    asked = {str(canonicalize_name(package.name)) for package in declared}
    led_to = {need for found in needs.values() for need in found}
    return [key for key in map(_key, lock.packages) if key[0] in asked or key not in led_to]


def _package_url(name: str, version: str) -> Any:
    from packageurl import PackageURL

    return PackageURL(type="pypi", name=name, version=version)


def _purl(name: str, version: str) -> str:
    return str(_package_url(name, version))


@dataclass(frozen=True, slots=True)
class Listed:
    """What a bill of materials lists: the plugin, and each distribution's files with their SHA-256."""

    plugin: tuple[str, str]
    files: Mapping[tuple[str, str], Mapping[str, str]]


def read_listed(data: bytes) -> Listed:
    """Read a bill of materials made here from untrusted bytes; raises :class:`ValueError` for anything else."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
        plugin = document["metadata"]["component"]
        files = {
            (component["name"], component["version"]): {
                reference["url"]: reference["hashes"][0]["content"]
                for reference in component.get("externalReferences", ())
                if reference["type"] == "distribution"
            }
            for component in document.get("components", ())
        }
        return Listed((str(plugin["name"]), str(plugin["version"])), files)
    except (strict_json.JsonError, KeyError, IndexError, TypeError, AttributeError) as defect:
        raise ValueError(f"no bill of materials of a plugin: {type(defect).__name__}: {defect}") from None


def differences(listed: Listed, plugin: tuple[str, str], lock: Pylock | None) -> Iterator[str]:
    """Iterate over where a bill of materials and what it should be about (name and version, a lock) do not agree."""
    if listed.plugin != plugin:
        yield f"it is about {' '.join(listed.plugin)}, and this is {' '.join(plugin)}"
    locked = {
        _key(package): {wheel.filename: wheel.hashes.get("sha256") for wheel in package.wheels or ()}
        for package in (lock.packages if lock else ())
    }
    for name, version in sorted({*locked, *listed.files}):
        key = (name, version)
        if key not in listed.files:
            yield f"it lacks {name} {version}, which is locked"
        elif key not in locked:
            yield f"it lists {name} {version}, which is not locked"
        elif listed.files[key] != locked[key]:
            yield f"its files of {name} {version} are not the locked ones"
