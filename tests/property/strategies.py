"""Shared hypothesis strategies: permissions, resources, policies, plugin metadata.

Alphabets are tiny on purpose: two random patterns over the whole alphabet never meet, and the laws are about meeting.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from theodore_loader.permissions import Permission
from theodore_loader.policy.model import Entry, PermissionRules, Policy
from theodore_sdk.info import (
    PackageDependency,
    PermissionType,
    PluginCategory,
    PluginDependency,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
)
from theodore_sdk.versions import VersionRange

FOLDERS = {"data": "/plugin/d", "cache": "/plugin/c", "tmp": "/plugin/t"}

_HOSTS = [
    *("*", "a.org", "b.org", "*.org", "*.a.org", "x.a.org", "*.x.a.org", "y.x.a.org"),
    *("10.0.0.0/8", "10.1.0.0/16", "10.1.0.1", "192.0.2.1", "0.0.0.0/0", "[::/0]", "[2001:db8::/32]", "[2001:db8::1]"),
]
_PORTS = ["", ":80", ":443", ":*"]

network_patterns = st.one_of(
    st.just("*"),
    st.builds("{}{}".format, st.sampled_from(_HOSTS), st.sampled_from(_PORTS)),
    st.sampled_from(["listen:80", "listen:443", "listen:*"]),
)
_component = st.text("ab*", min_size=1, max_size=4).filter(lambda part: "**" not in part)
path_patterns = st.one_of(
    st.just("*"),
    st.builds(
        lambda access, base, parts, deep: f"{access}:{base}/{'/'.join([*parts, *(['**'] if deep else [])])}",
        st.sampled_from(["r", "rw"]),
        st.sampled_from(["", "", "{data}", "{tmp}"]),
        st.lists(_component, max_size=3),
        st.booleans(),
    ),
)
_name = st.text("ab*", min_size=1, max_size=5).filter(lambda name: name.count("*") <= 3)
name_patterns = st.one_of(st.just("*"), _name)
program_patterns = st.one_of(name_patterns, st.sampled_from(["/usr/bin/a", "/usr/bin/b", "/opt/a"]))

_PATTERNS = {
    PermissionType.NETWORK: network_patterns,
    PermissionType.FILE_SYSTEM: path_patterns,
    PermissionType.SUBPROCESS: program_patterns,
    PermissionType.NATIVE: program_patterns,
    PermissionType.REGISTRY: name_patterns,
    PermissionType.ENVIRONMENT: name_patterns,
    PermissionType.DYNAMIC_CODE: name_patterns,
}
kinds = st.sampled_from(PermissionType)


def permissions_of(kind: PermissionType) -> st.SearchStrategy[Permission]:
    """Permissions of one type."""
    return _PATTERNS[kind].map(lambda pattern: Permission(kind, pattern))


permissions = kinds.flatmap(permissions_of)


def several(count: int) -> st.SearchStrategy[tuple[Permission, ...]]:
    """``count`` permissions of the same type."""
    return kinds.flatmap(lambda kind: st.tuples(*[permissions_of(kind)] * count))


@dataclass(frozen=True)
class Resource:
    """One act a plugin may try."""

    kind: PermissionType
    name: str
    port: int = 0
    write: bool = False
    listen: bool = False

    def inside(self, permission: Permission) -> bool:
        """Ask the permission, the way the enforcing layers do."""
        if self.kind is PermissionType.NETWORK:
            return permission.allows_listen(self.port) if self.listen else permission.allows_host(self.name, self.port)
        if self.kind is PermissionType.FILE_SYSTEM:
            return permission.allows_path(self.name, self.write, FOLDERS)
        return permission.allows_name(self.name)


_plain_hosts = [
    "a.org",
    "b.org",
    "x.a.org",
    "y.x.a.org",
    "org",
    "10.1.0.1",
    "10.2.0.1",
    "192.0.2.1",
    "2001:db8::1",
    "::1",
]
_connections = st.builds(
    Resource,
    st.just(PermissionType.NETWORK),
    st.sampled_from(_plain_hosts),
    st.sampled_from([80, 443, 9]),
    st.just(False),
)
_listeners = st.builds(
    lambda port: Resource(PermissionType.NETWORK, "", port, listen=True), st.sampled_from([80, 443, 9])
)
_plain_parts = st.lists(st.text("abc", min_size=1, max_size=4), max_size=4).map("/".join)
_paths = st.builds(
    lambda base, below, write: Resource(PermissionType.FILE_SYSTEM, f"{base}/{below}", write=write),
    st.sampled_from(["", "", FOLDERS["data"], FOLDERS["tmp"]]),
    _plain_parts,
    st.booleans(),
)
_plain_names = st.text("abc", min_size=1, max_size=6)


def resources_of(kind: PermissionType) -> st.SearchStrategy[Resource]:
    """Acts that permissions of one type are about."""
    if kind is PermissionType.NETWORK:
        return st.one_of(_connections, _listeners)
    if kind is PermissionType.FILE_SYSTEM:
        return _paths
    names = st.one_of(_plain_names, st.sampled_from(["/usr/bin/a", "/opt/a", "a/b"]))
    return names.map(lambda name: Resource(kind, name))


def _entries_of(kind: PermissionType) -> st.SearchStrategy[Entry]:
    return st.builds(Entry, permissions_of(kind), st.just("because"), st.just("test.yaml:1"))


def _rules_of(kind: PermissionType) -> st.SearchStrategy[PermissionRules]:
    entries = st.lists(_entries_of(kind), max_size=4).map(tuple)
    return st.builds(PermissionRules, entries, entries, st.booleans())


def policies_about(kind: PermissionType) -> st.SearchStrategy[Policy]:
    """Policies that speak about one permission type."""
    return _rules_of(kind).map(lambda rules: Policy("generated", permissions={kind: rules}))


deny_entries = kinds.flatmap(_entries_of)

text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_identifier = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
symbols = st.builds("{}.{}:{}".format, _identifier, _identifier, _identifier)
versions = st.sampled_from(["1.0", "0.1.dev3", "2!1.0rc1", "1.2.3.post4+local.1"])
ranges = st.sampled_from(["", ">=2.0.0,<3.0.0", "~=1.4", "==1.*", "!=2.0"])
_requirement_fields = {"name": text, "version_requirement": ranges, "optional": st.booleans()}
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(text, _json, max_size=4)
declared_permissions = permissions.flatmap(
    lambda one: st.builds(PluginPermission, st.just(one.type), text, st.just(one.pattern), st.booleans())
)
limits = st.builds(
    PluginResourceLimits,
    st.integers(1, 4096),
    st.floats(1, 800, allow_nan=False),
    st.integers(0, 1000),
    st.integers(1, 1000),
    st.integers(0, 50),
    st.floats(1, 3600, allow_nan=False),
)


def tuples_of(elements: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Short tuples."""
    return st.lists(elements, max_size=3).map(tuple)


plugin_infos = st.builds(
    PluginInfo,
    name=st.from_regex(r"[a-z][a-z0-9-]{2,20}", fullmatch=True),
    version=versions,
    description=text,
    author=text,
    email=text,
    homepage=text,
    license=text,
    category=st.sampled_from(PluginCategory),
    interfaces=tuples_of(text),
    dependencies=tuples_of(st.builds(PluginDependency, **_requirement_fields)),
    compatible_versions=ranges.map(VersionRange),
    min_python_version=st.sampled_from(["3.11", "3.12.4"]),
    max_python_version=st.none() | st.just("3.14"),
    required_packages=tuples_of(st.builds(PackageDependency, **_requirement_fields)),
    optional_packages=tuples_of(st.builds(PackageDependency, **_requirement_fields)),
    configuration_schema=json_objects,
    permissions=tuples_of(declared_permissions),
    resource_limits=limits,
    tags=tuples_of(text),
    documentation_url=st.none() | text,
    changelog_url=st.none() | text,
    issue_tracker_url=st.none() | text,
    provides=st.dictionaries(text, symbols, max_size=3),
)
