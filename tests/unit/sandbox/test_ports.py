"""A tool whose service the host runs: it reaches that port and no other."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from theodore_loader.sandbox.landlock import FIRST_ABI_WITH_NETWORK
from theodore_loader.sandbox.tier import available

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(available().landlock_abi < FIRST_ABI_WITH_NETWORK, reason="Landlock knows no ports here"),
]

CONNECT = """
import socket, sys
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as link:
            link.settimeout(30)
            link.connect((address, {port}))
            print(link.recv(5).decode())
    except OSError as refusal:
        print(type(refusal).__name__)
"""


@pytest.fixture
def service() -> Iterator[int]:
    """A port on which somebody listens and says hello."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def greet(port_owner: socket.socket) -> None:
    link, _ = port_owner.accept()
    with link:
        link.sendall(b"hello")


def test_the_granted_port_is_reached_and_another_listening_one_is_not(confined):
    import threading

    with socket.create_server(("127.0.0.1", 0)) as granted, socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=greet, args=(granted,), daemon=True)
        thread.start()
        port = granted.getsockname()[1]
        options = {"sockets": "ports", "connect_ports": (port,)}
        assert confined(CONNECT.format(port=port), **options).stdout.split() == [b"hello", b"PermissionError"]
        refused = confined(CONNECT.format(port=other.getsockname()[1]), **options)
        assert refused.stdout.split() == [b"PermissionError", b"PermissionError"]
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.accept()
        thread.join(30)


def test_the_canary_tries_another_port(confined, service):
    achieved = confined("pass", sockets="ports", connect_ports=(service,)).achieved
    assert "connect to a port that is not granted" in [canary.name for canary in achieved.canaries]
    (landlock,) = [layer for layer in achieved.layers if layer.name == "landlock"]
    assert ", TCP to 1 ports" in landlock.detail


@pytest.mark.parametrize("ports", [(9,), (9, 10, 11), ()])
def test_the_canary_never_tries_a_port_that_is_granted(confined, ports):
    assert confined("print('ran')", sockets="ports", connect_ports=ports).stdout == b"ran\n"


def test_no_names_are_resolved_and_no_datagrams_sent(confined, service):
    code = (
        "import socket\n"
        "for attempt in (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "
        "lambda: socket.getaddrinfo('example.org', 80)):\n"
        "    try:\n        attempt()\n        print('reached')\n"
        "    except OSError as refusal:\n        print('refused')\n"
    )
    done = confined(code, sockets="ports", connect_ports=(service,))
    assert done.stdout.split() == [b"refused", b"refused"]
