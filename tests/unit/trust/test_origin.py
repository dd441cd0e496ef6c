"""Repositories in one spelling, and which declared addresses count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from theodore_loader.errors import Refused
from theodore_loader.trust.origin import declared_sources, refuse_mismatch, repository
from theodore_loader.trust.provenance import Origin

HELLO = "https://github.com/acme/hello"


@pytest.mark.parametrize(
    "address",
    [
        HELLO,
        f"{HELLO}.git",
        f"{HELLO}/",
        f"git+{HELLO}.git@v1.2",
        "git+https://user:secret@github.com/acme/hello.git",
        "git@github.com:acme/hello.git",
        "ssh://git@github.com/acme/hello",
        "ssh://git@github.com:22/acme/hello.git",
        "https://GitHub.com/acme/hello",
        "  https://github.com/acme/hello  ",
    ],
)
def test_one_repository_has_one_spelling(address: str) -> None:
    assert repository(address) == HELLO


@pytest.mark.parametrize(
    "address",
    ["", "/srv/hello", "../hello", "file:///srv/hello", "https://github.com", "https://[", "https://h:port/x",
     "https://github.com/acme/../evil", "javascript:alert(1)", "C:\\hello"],
)  # fmt: skip
def test_what_is_no_address_of_a_repository_is_none(address: str) -> None:
    assert repository(address) is None


def test_ports_owners_and_hosts_make_another_repository() -> None:
    others = {
        "https://github.com:8443/acme/hello",
        "https://github.com/acme/hello2",
        "https://github.com/evil/hello",
        "https://github.com.evil.example/acme/hello",
    }
    assert {repository(other) for other in others} == others


def wheel(*headers: str) -> SimpleNamespace:
    metadata = "\n".join(("Metadata-Version: 2.4", "Name: acme-hello", "Version: 1", *headers, "", "body"))
    return SimpleNamespace(dist_info="d", entries={"d/METADATA": metadata.encode()})


@pytest.mark.parametrize("label", ["Source", "source code", "Repository", "GitHub", "Source-Code"])
def test_labels_are_read_as_the_index_reads_them(label: str) -> None:
    assert list(declared_sources(wheel(f"Project-URL: {label}, {HELLO}"), "")) == [HELLO]


def test_a_label_that_is_there_twice_hides_neither_address() -> None:
    twice = wheel(f"Project-URL: Source, {HELLO}", "Project-URL: Source, https://github.com/acme/other")
    assert list(declared_sources(twice, "")) == [HELLO, "https://github.com/acme/other"]


def test_other_labels_and_homepages_elsewhere_say_nothing_about_sources() -> None:
    assert list(declared_sources(wheel(f"Project-URL: Funding, {HELLO}"), "https://acme.example/hello")) == []


def test_a_homepage_on_a_forge_does() -> None:
    assert list(declared_sources(wheel(), HELLO)) == [HELLO]


@pytest.mark.parametrize("declared", [HELLO, f"{HELLO}/tree/main/plugins/one", f"{HELLO}.git"])
def test_a_plugin_may_live_below_the_repository(declared: str) -> None:
    refuse_mismatch(Origin(f"git+{HELLO}", "c" * 40), wheel(f"Project-URL: Source, {declared}"), "")


@pytest.mark.parametrize(
    "declared", ["https://github.com/acme/hello2", "https://github.com/acme", "git@evil.example:x/y"]
)
def test_another_repository_is_refused(declared: str) -> None:
    with pytest.raises(Refused) as refusal:
        refuse_mismatch(Origin(f"git+{HELLO}", "c" * 40), wheel(f"Project-URL: Source, {declared}"), "")
    assert refusal.value.rule == "provenance-source-mismatch"
