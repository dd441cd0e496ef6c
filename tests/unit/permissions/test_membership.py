"""What the enforcing layers ask, with the spellings an attacker would try."""

from __future__ import annotations

import pytest

from theodore_loader.permissions import PatternError, Permission

FOLDERS = {"data": "/home/u/plugins/acme/data", "tmp": "/tmp/acme/"}


def permission(text: str) -> Permission:
    return Permission.from_text(text)


class Liar(str):
    """A string that claims to be another one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__

    def startswith(self, *_args: object) -> bool:  # type: ignore[override]
        return True

    def lower(self) -> str:
        return "api.example.com"

    def split(self, *_args: object) -> list[str]:  # type: ignore[override]
        return ["", "srv", "data"]


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com", "api.example.com."])
def test_a_host_is_matched_in_its_canonical_form(host: str) -> None:
    assert permission("network api.example.com:443").allows_host(host, 443)


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com.evil.org",
        "evil-api.example.com",
        "example.com",
        "api.example.com\x00.evil.org",
        "api.example.com/",
        "api.example.com#",
        "api.example.com ",
        "аpi.example.com",  # noqa: RUF001 - a Cyrillic letter
        "*",
        "",
        Liar("evil.org"),
    ],
)
def test_no_other_spelling_is_taken_for_a_host(host: str) -> None:
    assert not permission("network api.example.com:443").allows_host(host, 443)


@pytest.mark.parametrize(
    "address", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1%lo", "[127.0.0.1", "127.0.0.0/8"]
)
def test_other_spellings_of_addresses_are_inside_nothing(address: str) -> None:
    for pattern in ("127.0.0.1", "127.0.0.0/8", "*", "*.1"[:1]):
        assert not permission(f"network {pattern}").allows_host(address, 80)


def test_a_mapped_address_is_the_address_it_reaches() -> None:
    assert permission("network 10.0.0.0/8").allows_host("::ffff:10.0.0.1", 80)
    assert permission("network 10.0.0.1").allows_host("[::ffff:a00:1]", 80)
    assert not permission("network [::/0]").allows_host("::ffff:10.0.0.1", 80)


def test_a_parent_is_not_below_itself_and_addresses_are_below_no_name() -> None:
    below = permission("network *.example.com")
    assert below.allows_host("a.b.example.com", 1)
    assert not below.allows_host("example.com", 1)
    assert not below.allows_host("1.2.3.4", 1)


@pytest.mark.parametrize("port", [0, -1, 65536, 80])
def test_ports_are_exact(port: int) -> None:
    assert not permission("network api.example.com:443").allows_host("api.example.com", port)


def test_listening_is_its_own_permission() -> None:
    assert permission("network listen:8080").allows_listen(8080)
    assert not permission("network listen:8080").allows_listen(0)
    assert permission("network listen:*").allows_listen(0)
    assert not permission("network *:*").allows_listen(8080)
    assert permission("network *").allows_listen(8080)
    assert not permission("network listen:8080").allows_host("localhost", 8080)


@pytest.mark.parametrize("path", ["/srv/data", "/srv/data/a", "/srv/data/a/b", "//srv/./data//a/"])
def test_a_deep_pattern_is_the_folder_and_all_below(path: str) -> None:
    assert permission("filesystem r:/srv/data/**").allows_path(path, False, FOLDERS)


@pytest.mark.parametrize(
    "path",
    ["/srv/database", "/srv", "/srv/data/../x", "srv/data/a", "", "/srv/data\0/a", "/SRV/data/a", Liar("/etc/shadow")],
)
def test_nothing_beside_the_folder_is_inside(path: str) -> None:
    assert not permission("filesystem r:/srv/data/**").allows_path(path, False, FOLDERS)


def test_reading_does_not_include_writing() -> None:
    assert not permission("filesystem r:/srv/**").allows_path("/srv/x", True, FOLDERS)
    assert permission("filesystem rw:/srv/**").allows_path("/srv/x", True, FOLDERS)
    assert permission("filesystem *").writes
    assert not permission("filesystem r:/srv/**").writes


def test_own_folders_are_expanded_and_an_unknown_one_is_nowhere() -> None:
    own = permission("filesystem rw:{data}/**")
    assert own.allows_path("/home/u/plugins/acme/data/x", True, FOLDERS)
    assert not own.allows_path("/home/u/plugins/acme/database", True, FOLDERS)
    assert not permission("filesystem rw:{cache}").allows_path("/x", True, FOLDERS)
    assert not permission("filesystem rw:{cache}").allows_path("/x", True, {"cache": "relative"})


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("filesystem *", "/"),
        ("filesystem r:/srv/data/**", "/srv/data"),
        ("filesystem r:/srv/*.txt", "/srv"),
        ("filesystem r:/srv/a*/b/c", "/srv"),
        ("filesystem r:/etc/hosts", "/etc/hosts"),
        ("filesystem rw:{data}/sub/*", "/home/u/plugins/acme/data/sub"),
        ("filesystem rw:{tmp}", "/tmp/acme"),
    ],
)
def test_the_kernel_is_given_the_longest_literal_prefix(text: str, root: str) -> None:
    assert permission(text).landlock_root(FOLDERS) == root


@pytest.mark.parametrize("text", ["filesystem rw:{cache}", "network *", "subprocess git"])
def test_the_kernel_is_given_no_invented_root(text: str) -> None:
    with pytest.raises(PatternError):
        permission(text).landlock_root(FOLDERS)


def test_a_bare_program_name_is_no_path_and_a_path_no_bare_name() -> None:
    assert permission("subprocess git").allows_name("git")
    assert not permission("subprocess git").allows_name("/usr/bin/git")
    assert not permission("subprocess git*").allows_name("git/../../bin/sh")
    assert not permission("subprocess /usr/bin/git").allows_name("git")
    assert permission("subprocess *").allows_name("/usr/bin/git")


@pytest.mark.parametrize("name", ["", "ACME_*", "ACME_KEY\0", Liar("PATH")])
def test_no_odd_name_is_inside_a_glob(name: str) -> None:
    assert not permission("environment ACME_*").allows_name(name)
    assert not permission("environment *").allows_name(name)


def test_names_say_nothing_about_hosts_and_paths() -> None:
    assert not permission("network *").allows_name("example.com")
    assert not permission("filesystem *").allows_name("x")
    assert not permission("environment *").allows_host("example.com", 80)
    assert not permission("environment *").allows_listen(80)
    assert not permission("environment *").allows_path("/x", False, FOLDERS)
