from __future__ import annotations

import pytest

from theodore_loader.permissions import PatternError, Permission
from theodore_sdk.info import PermissionType


@pytest.mark.parametrize(
    ("kind", "written", "normal"),
    [
        ("network", "API.Example.COM:443", "api.example.com:443"),
        ("network", "api.example.com.", "api.example.com"),
        ("network", "api.example.com:*", "api.example.com"),
        ("network", "bücher.example", "xn--bcher-kva.example"),
        ("network", "BÜCHER.example", "xn--bcher-kva.example"),
        ("network", "*.Example.com", "*.example.com"),
        ("network", "127.0.0.1", "127.0.0.1"),
        ("network", "192.0.2.7/32", "192.0.2.7"),
        ("network", "::1", "[::1]"),
        ("network", "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443"),
        ("network", "[::ffff:10.0.0.0/104]:80", "10.0.0.0/8:80"),
        ("network", "::ffff:169.254.169.254", "169.254.169.254"),
        ("network", "*:443", "*:443"),
        ("network", "*:*", "*:*"),
        ("network", "listen:8080", "listen:8080"),
        ("network", "my_service:80", "my_service:80"),
        ("filesystem", "rw:/**", "*"),
        ("filesystem", "r:/**", "r:/**"),
        ("filesystem", "r:/srv//data/", "r:/srv/data"),
        ("filesystem", "rw:{data}", "rw:{data}/**"),
        ("filesystem", "rw:{data}/", "rw:{data}/**"),
        ("filesystem", "r:{tmp}/*.html", "r:{tmp}/*.html"),
        ("subprocess", "git-*", "git-*"),
        ("subprocess", "/usr/bin/git", "/usr/bin/git"),
        ("environment", "ACME_**_KEY", "ACME_*_KEY"),
        ("registry", "theodore.storage.*", "theodore.storage.*"),
        ("native", "libcrypto.so.3", "libcrypto.so.3"),
        ("dynamic_code", "acme.parsers.*", "acme.parsers.*"),
        *((kind.value, "*", "*") for kind in PermissionType),
    ],
)
def test_patterns_have_one_normal_form(kind: str, written: str, normal: str) -> None:
    one = Permission.parse(kind, written)
    assert one.pattern == normal
    assert Permission.parse(kind, normal) == one
    assert str(one) == f"{kind} {normal}"


@pytest.mark.parametrize(
    ("kind", "pattern", "remedy"),
    [
        ("network", "https://api.example.com/v1", "api.example.com:443"),
        ("network", "//api.example.com", "host"),
        ("network", "user@example.com", "host"),
        ("network", "127.1", "127.0.0.1"),
        ("network", "2130706433", "127.0.0.1"),
        ("network", "0x7f.0.0.1", "addresses in full"),
        ("network", "0x7f000001", "addresses in full"),
        ("network", "0177.0.0.1", "addresses in full"),
        ("network", "example.com:0", "1 to 65535"),
        ("network", "example.com:65536", "1 to 65535"),
        ("network", "example.com:080", "1 to 65535"),
        ("network", "example.com:80-90", "1 to 65535"),
        ("network", "example.com:", "1 to 65535"),
        ("network", "listen:", "1 to 65535"),
        ("network", "listen:0.0.0.0:80", "1 to 65535"),
        ("network", "a*.example.com", "*.example.com"),
        ("network", "*.*.com", "*.example.com"),
        ("network", "*example.com", "*.example.com"),
        ("network", "10.1.0.0/8", "10.0.0.0/8"),
        ("network", "10.0.0.0/255.0.0.0", "ranges"),
        ("network", "10.0.0.0/33", "192.0.2.0/24"),
        ("network", "fe80::1%eth0", "scope"),
        ("network", "[2001:db8::1", "[2001:db8::1]:443"),
        ("network", "[example.com]:80", "[2001:db8::1]:443"),
        ("network", "2001:db8::1:443:zz", "[2001:db8::1]"),
        ("network", "example..com", "host"),
        ("network", "-a.example.com", "host"),
        ("network", "a" * 64 + ".com", "host"),
        ("network", ".".join(["abcdefg"] * 40), "host"),
        ("network", "straße.example", "xn--"),
        ("network", "a\u200db.example", "remove"),
        ("network", "exa\u0000mple.com", "remove"),
        ("network", " example.com", "remove"),
        ("filesystem", "/etc/passwd", "r:/path"),
        ("filesystem", "w:/x", "r:/path"),
        ("filesystem", "rwx:/x", "r:/path"),
        ("filesystem", "r:relative", "r:/path"),
        ("filesystem", "r:~/x", "r:/path"),
        ("filesystem", "r:/a/../b", "leads to"),
        ("filesystem", "r:/a/./b", "leads to"),
        ("filesystem", "r:/a/**/b", "/path/**"),
        ("filesystem", "r:/a**", "/path/**"),
        ("filesystem", "r:/a/b?", "/ and *"),
        ("filesystem", "r:/a/[bc]", "/ and *"),
        ("filesystem", "r:C:\\x", "/ and *"),
        ("filesystem", "rw:{home}/x", "{data}"),
        ("filesystem", "rw:{data}x", "{data}"),
        ("filesystem", "rw:{data", "{data}"),
        ("filesystem", "r:/x/{data}", "{data}/path"),
        ("filesystem", "r:/a\nb", "remove"),
        ("filesystem", "r:/" + "a" * 1100, "/**"),
        ("filesystem", "r:/" + "*a" * 9, "shorten"),
        ("subprocess", "git status", "git"),
        ("subprocess", "../git", "/usr/bin/git"),
        ("subprocess", "bin/git", "/usr/bin/git"),
        ("subprocess", "/usr/bin/../bin/git", "/usr/bin/git"),
        ("subprocess", "/usr/bin/*", "one file"),
        ("subprocess", "git;rm", "git"),
        ("environment", "ACME-KEY", "ACME_KEY"),
        ("environment", "1KEY", "ACME_KEY"),
        ("environment", "*_*_*_*_*", "split"),
        ("registry", "a b", "WebScraper"),
        ("dynamic_code", "acme/parsers", "acme.parsers"),
        ("network", "", "*"),
        ("network", "x" * 3000, "*"),
        ("netwrok", "*", "network"),
    ],
)
def test_every_refusal_names_the_remedy(kind: str, pattern: str, remedy: str) -> None:
    with pytest.raises(PatternError) as caught:
        Permission.parse(kind, pattern)
    assert remedy in caught.value.remedy
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize(
    "text",
    [
        "network *",
        "network *:443",
        "network *.com",
        "network 10.0.0.0/8",
        "network 192.168.0.0/16:80",
        "network 0.0.0.0/0",
        "network [fd00::/8]",
        "network listen:*",
        "filesystem *",
        "filesystem r:/**",
        "filesystem r:/etc/**",
        "filesystem r:/*/passwd",
        "filesystem r:/home/alice/**",
        "subprocess *",
        "subprocess bash",
        "subprocess /bin/sh",
        "subprocess python3.11",
        "subprocess py*",
        "environment *",
        "environment *_API_KEY",
        "environment A*",
        "registry *",
        "native *",
        "dynamic_code *",
    ],
)
def test_what_a_reviewer_cannot_judge_is_overbroad(text: str) -> None:
    one = Permission.from_text(text)
    assert one.is_overbroad
    assert one.overbroad


@pytest.mark.parametrize(
    "text",
    [
        "network api.example.com",
        "network *.example.com:443",
        "network 127.0.0.1:8080",
        "network 10.0.0.5",
        "network listen:8080",
        "filesystem rw:{data}/**",
        "filesystem r:/etc/hosts",
        "filesystem r:/usr/share/dict/**",
        "filesystem r:/home/alice/books/**",
        "subprocess git",
        "subprocess /usr/bin/pdftotext",
        "environment ACME_API_KEY",
        "environment ACME_*",
        "registry WebScraper",
        "native numpy",
        "dynamic_code acme.parsers.*",
    ],
)
def test_what_names_something_is_not_overbroad(text: str) -> None:
    assert not Permission.from_text(text).is_overbroad
