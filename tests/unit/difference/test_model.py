"""What is found to differ, section by section."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from theodore_loader.difference import Kind, increases, larger, strongest_rule
from theodore_loader.errors import InvalidWheel, Refused
from theodore_loader.permissions import Permission
from theodore_loader.trust.terms import PinnedSigner, Terms
from theodore_plugin.difference.model import Change, compare
from theodore_plugin.difference.side import Signing, Source
from theodore_sdk.info import PermissionType, PluginCategory, PluginPermission, PluginResourceLimits

ALICE = PinnedSigner("acme", "a" * 64, ("b" * 64,), "https://issuer.example", "alice@example.com")
TERMS = Terms(
    version="1.0.0",
    sha256="0" * 64,
    publisher=ALICE,
    category=PluginCategory.SCRAPER,
    permissions=("network api.example.com:443",),
    native=("acme/_speed",),
    dynamic_code=False,
    levels=("THEODORE_CHECK_PASSED",),
    sandbox="standard",
    minimum_tier="standard",
)
WORKFLOW = "https://github.com/acme/hello/.github/workflows/release.yml@refs/"


def asking(*patterns: str) -> tuple[PluginPermission, ...]:
    return tuple(PluginPermission(PermissionType.NETWORK, f"needs {pattern}", pattern) for pattern in patterns)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"publisher": None}, Kind.SIGNER),
        ({"publisher": structs.replace(ALICE, identity="alice@example.com.evil")}, Kind.SIGNER),
        ({"publisher": structs.replace(ALICE, identity="Alice@example.com")}, Kind.SIGNER),
        ({"publisher": structs.replace(ALICE, issuer="https://issuer.example/")}, Kind.SIGNER),
        ({"publisher": structs.replace(ALICE, root_sha256="c" * 64, authorities=("d" * 64,))}, Kind.SIGNER),
        ({"publisher": structs.replace(ALICE, root_sha256="c" * 64, root="copied")}, Kind.SIGNER),
        ({"version": "0.9"}, Kind.VERSION),
        ({"version": "1.0.0.dev1"}, Kind.VERSION),
        ({"category": PluginCategory.EXPORTER}, Kind.CATEGORY),
        ({"permissions": ("network *.example.com:443",)}, Kind.PERMISSION),
        ({"permissions": ("network api.example.com:443", "native *")}, Kind.PERMISSION),
        ({"native": ("acme/_other", "acme/_speed")}, Kind.NATIVE),
        ({"dynamic_code": True}, Kind.DYNAMIC),
        ({"minimum_tier": "basic"}, Kind.TIER),
        ({"levels": ()}, Kind.VERDICT),
        ({"sandbox": "none"}, Kind.VERDICT),
        ({"sandbox": "very strong"}, Kind.VERDICT),
    ],
)
def test_whatever_reaches_further_is_an_increase_and_its_opposite_is_none(change, kind: Kind) -> None:
    found = increases(TERMS, structs.replace(TERMS, **change))
    assert [increase.kind for increase in found] == [kind]
    backwards = increases(structs.replace(TERMS, **change), TERMS)
    assert not backwards or kind in (Kind.SIGNER, Kind.CATEGORY)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"version": "1.0.0.post1", "sha256": "1" * 64},
        {"permissions": ()},
        {"permissions": ("network api.example.com:443",) * 2},
        {"native": ()},
        {"sandbox": "isolated", "minimum_tier": "isolated", "levels": ("A", "THEODORE_CHECK_PASSED")},
        {"publisher": structs.replace(ALICE, claims={"source_repository_owner_id": "7"})},
        {"publisher": structs.replace(ALICE, root_sha256="c" * 64, authorities=("b" * 64, "d" * 64))},
    ],
)
def test_less_or_the_same_is_no_increase(change) -> None:
    assert increases(TERMS, structs.replace(TERMS, **change)) == ()


def test_a_workflow_signs_for_another_tag_and_not_for_a_branch_or_from_another_repository() -> None:
    def signed(identity: str, owner: str = "7") -> Terms:
        claims = {"source_repository_owner_id": owner}
        return structs.replace(TERMS, publisher=structs.replace(ALICE, identity=identity, claims=claims))

    old = signed(f"{WORKFLOW}tags/v1.0.0")
    assert increases(old, signed(f"{WORKFLOW}tags/v1.1.0")) == ()
    for other in (
        signed(f"{WORKFLOW}heads/main"),
        signed(f"{WORKFLOW}heads/x@refs/tags/v1.1.0"),
        signed(f"{WORKFLOW}tags/v1.1.0".replace("acme", "acne")),
        signed(f"{WORKFLOW}tags/v1.1.0", owner="8"),
        structs.replace(TERMS, publisher=structs.replace(ALICE, identity=f"{WORKFLOW}tags/v1.1.0")),
    ):
        assert [increase.kind for increase in increases(old, other)] == [Kind.SIGNER]


def test_another_signer_outranks_a_lower_version_which_outranks_the_rest() -> None:
    worse = {"dynamic_code": True}
    assert strongest_rule(increases(TERMS, structs.replace(TERMS, **worse))) == "upgrade-needs-consent"
    worse["version"] = "0.1"
    assert strongest_rule(increases(TERMS, structs.replace(TERMS, **worse))) == "version-went-back"
    worse["publisher"] = None
    assert strongest_rule(increases(TERMS, structs.replace(TERMS, **worse))) == "signer-changed"


HOSTS = st.sampled_from(["api.example.com:443", "*.example.com:443", "api.example.com", "*.example.com", "*", "b.org"])
ASKED = st.frozensets(st.builds(lambda pattern: Permission(PermissionType.NETWORK, pattern), HOSTS), max_size=4)


@given(ASKED, ASKED, ASKED)
def test_nothing_larger_at_each_of_two_steps_is_nothing_larger_over_both(first, second, third) -> None:
    """Otherwise a plugin could grow by many upgrades, none of which asks anybody."""
    if not larger(first, second) and not larger(second, third):
        assert not larger(first, third)
    assert not larger(first, first)


def test_permissions_are_added_removed_widened_and_narrowed(wheel, side) -> None:
    old = wheel(permissions=asking("api.example.com:443", "*.acme.org:443", "gone.example.com:443"))
    new = wheel(version="1.1.0", permissions=asking("*.example.net", "a.acme.org:443", "api.example.com"))
    found = compare(side(old), side(new))
    assert {(one.change, str(one.permission)) for one in found.permissions} == {
        (Change.ADDED, "network *.example.net"),
        (Change.WIDENED, "network api.example.com"),
        (Change.NARROWED, "network a.acme.org:443"),
        (Change.REMOVED, "network gone.example.com:443"),
    }
    widened = next(one for one in found.permissions if one.change is Change.WIDENED)
    assert widened.reason == "needs api.example.com"
    assert [str(one) for one in widened.before] == ["network api.example.com:443"]
    assert [increase.text for increase in found.increases] == [
        "it also asks for network *.example.net",
        "it also asks for network api.example.com",
    ]


def test_everything_else_that_changed_is_listed_and_needs_no_consent(wheel, side, locked) -> None:
    usage = b'{"schema": 1, "symbols": ["theodore_sdk.ScraperPlugin"], "hooks": []}'
    old = wheel(
        files={"acme_hello/old.py": b"", "acme_hello/same.txt": b"same"},
        info_files={"pylock.toml": locked(httpx="0.27.0", idna="3.6"), "api-usage.json": usage},
    )
    new = wheel(
        version="1.1.0",
        files={"acme_hello/new.py": b"x = 1\n", "acme_hello/same.txt": b"same", "acme_hello/__init__.py": b"#"},
        info_files={
            "pylock.toml": locked(anyio="4.0", httpx="0.28.1"),
            "api-usage.json": usage.replace(b'"theodore_sdk.ScraperPlugin"', b'"theodore_sdk.HealthStatus"'),
        },
        entry="acme_hello.plugin:Other",
        interfaces=("ScraperPlugin", "MonitorPlugin"),
        resource_limits=PluginResourceLimits(max_memory_mb=1024),
    )
    found = compare(side(old), side(new))
    assert found.increases == ()
    assert [(one.change, one.name, one.old, one.new) for one in found.dependencies] == [
        (Change.ADDED, "anyio", "", "4.0"),
        (Change.CHANGED, "httpx", "0.27.0", "0.28.1"),
        (Change.REMOVED, "idna", "3.6", ""),
    ]
    assert [one.name for one in found.about] == ["entry class", "interfaces", "max_memory_mb"]
    assert [(one.change, one.name) for one in found.symbols] == [
        (Change.ADDED, "theodore_sdk.HealthStatus"),
        (Change.REMOVED, "theodore_sdk.ScraperPlugin"),
    ]
    assert found.files is not None
    assert (found.files.added, found.files.removed, found.files.changed) == (
        ("acme_hello/new.py",),
        ("acme_hello/old.py",),
        ("acme_hello/__init__.py",),
    )


def test_new_machine_code_is_an_increase_and_a_rebuilt_one_is_not(wheel, side) -> None:
    native = (PluginPermission(PermissionType.NATIVE, "fast", "*"),)
    made = {
        version: side(wheel(files={name: b"\x7fELF" + version.encode()}, tag=tag, version=version, permissions=native))
        for version, name, tag in (
            ("1.0.0", "acme_hello/_speed.cpython-311-x86_64-linux-gnu.so", "cp311-cp311-manylinux_2_17_x86_64"),
            ("1.1.0", "acme_hello/_speed.cpython-312-x86_64-linux-gnu.so", "cp312-cp312-manylinux_2_17_x86_64"),
            ("1.2.0", "acme_hello/_other.abi3.so", "cp311-abi3-manylinux_2_17_x86_64"),
        )
    }
    assert compare(made["1.0.0"], made["1.1.0"]).increases == ()
    found = compare(made["1.0.0"], made["1.2.0"])
    assert [increase.kind for increase in found.increases] == [Kind.NATIVE]
    assert [(one.change, one.name) for one in found.native] == [
        (Change.ADDED, "acme_hello/_other"),
        (Change.REMOVED, "acme_hello/_speed"),
    ]


def test_signers_are_compared_only_where_both_can_have_one(wheel, side) -> None:
    old, new = side(wheel()), side(wheel(version="1.1.0"))
    assert compare(old, new).increases == ()
    believed = replace(
        old, terms=structs.replace(old.terms, publisher=ALICE), signing=Signing.BELIEVED, signed_by="signed by alice"
    )
    assert [increase.kind for increase in compare(believed, new).increases] == [Kind.SIGNER]
    assert compare(believed, replace(new, source=Source.TREE)).increases == ()


@pytest.mark.parametrize(
    ("hostile", "rule"),
    [
        ({"files": {"acme_hello/x.pyc": b""}}, "unexpected-file"),
        ({"files": {"acme.pth": b"import os"}}, "startup-hook-in-wheel"),
        ({"files": {"acme_hello/lib.so": b"\x7fELF"}}, "undeclared-native-binary"),
    ],
)
def test_a_hostile_wheel_is_refused_and_not_described(wheel, side, hostile, rule: str) -> None:
    with pytest.raises(InvalidWheel) as refusal:
        side(wheel(**hostile))
    assert refusal.value.rule == rule


@pytest.mark.parametrize(
    "lock", [b"\xff", b"lock-version = 1", b"[[[[", b"lock-version = '1.0'\n" + b"a=" + b"[" * 9999]
)
def test_a_hostile_lock_is_refused(wheel, side, lock: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        side(wheel(info_files={"pylock.toml": lock}))
    assert refusal.value.rule == "unpinned-lock"


@pytest.mark.parametrize("usage", [b"", b"[]", b'{"symbols": 1}', b"[" * 100_000, b'{"schema": 1, "symbols": [1]}'])
def test_a_list_of_used_symbols_that_cannot_be_read_is_not_compared(wheel, side, usage: bytes) -> None:
    assert side(wheel(info_files={"api-usage.json": usage})).content.symbols is None
