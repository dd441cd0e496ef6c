"""Reaching, or being reached by, anything on a network."""

import os
import socket
import threading

FAST_OPEN = 0x20000000


def plain_connection(canary):
    """No trick at all."""
    with socket.create_connection(("127.0.0.1", canary["port"]), timeout=5) as connection:
        connection.sendall(canary["token"].encode())
    return "sent"


def address_in_another_notation(canary):
    """An address that no address parser knows and the C library does."""
    with socket.socket() as connection:
        connection.connect(("0x7f.1", canary["port"]))
        connection.sendall(canary["token"].encode())
    return "sent"


def connection_without_connect(canary):
    """TCP Fast Open connects in sendto and passes Landlock's rules for connect."""
    with socket.socket() as connection:
        connection.sendto(canary["token"].encode(), FAST_OPEN, ("127.0.0.1", canary["port"]))
    return "sent"


def multipath_connection(canary):
    """MPTCP is a protocol of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as connection:
        connection.connect(("127.0.0.1", canary["port"]))
        connection.sendall(canary["token"].encode())
    return "sent"


def datagram(canary):
    """UDP, with sendmsg because its event is another."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendmsg([canary["token"].encode()], [], 0, ("127.0.0.1", canary["udp_port"]))
    return "sent"


def abstract_socket(canary):
    """A UNIX socket that is no file."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(canary["abstract"])
        connection.sendall(canary["token"].encode())
    return "sent"


def socket_file(canary):
    """A UNIX socket that is a file; Landlock judges it only from ABI 9."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(canary["token"].encode(), canary["socket_path"])
    return "sent"


def datagram_pair(canary):
    """A pair of datagram sockets needs no socket() and sends anywhere."""
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendto(canary["token"].encode(), canary["socket_path"])
    return "sent"


def foreign_function_connection(canary):
    """connect(2) by ctypes: no event."""
    import ctypes

    library = ctypes.CDLL(None)
    descriptor = library.socket(2, 1, 0)
    address = bytes([2, 0, *canary["port"].to_bytes(2, "big"), 127, 0, 0, 1]) + bytes(8)
    library.connect(descriptor, address, 16)
    os.write(descriptor, canary["token"].encode())
    os.close(descriptor)
    return "sent"


def listen_for_the_outside(canary):
    """Let the outside come in."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    with open(canary["port_file"] + ".new", "w") as file:
        file.write(str(server.getsockname()[1]))
    os.rename(canary["port_file"] + ".new", canary["port_file"])

    def serve():
        connection, _peer = server.accept()
        connection.sendall(canary["token"].encode())
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    thread.join(5)
    return "served"


def look_around(canary):
    """Families that are not the internet: routing tables, raw packets."""
    reached = []
    for name, arguments in (("netlink", (16, 3, 0)), ("packet", (17, 3, 0)), ("raw", (2, 3, 1))):
        try:
            socket.socket(*arguments).close()
            reached.append(name)
        except OSError:
            continue
    return "REACHED " + " ".join(reached) if reached else "refused"


def address_in_wide_digits(canary):
    """Digits of another script, which IDNA turns into an address after somebody looked at the text."""
    with socket.socket() as connection:
        connection.connect(("\uff11\uff12\uff17.\uff10.\uff10.\uff11", canary["port"]))
        connection.sendall(canary["token"].encode())
    return "sent"


def address_of_the_other_family(canary):
    """An IPv4 address inside an IPv6 one."""
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect(("::ffff:127.0.0.1", canary["port"]))
        connection.sendall(canary["token"].encode())
    return "sent"


def connected_datagram(canary):
    """UDP once more: what is sent names no address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", canary["udp_port"]))
        os.write(sender.fileno(), canary["token"].encode())
    return "sent"


def listen_without_bind(canary):
    """listen() gives a socket a port by itself: a rule about bind does not see it."""
    server = socket.socket()
    server.listen()
    with open(canary["port_file"] + ".new", "w") as file:
        file.write(str(server.getsockname()[1]))
    os.rename(canary["port_file"] + ".new", canary["port_file"])
    server.settimeout(5)
    connection, _peer = server.accept()
    connection.sendall(canary["token"].encode())
    connection.close()
    return "served"


def other_machine(canary):
    """Sockets to the machine this one runs on, and to crypto and kernel services."""
    reached = []
    for name, arguments in (("vsock", (40, 1, 0)), ("alg", (38, 5, 0)), ("can", (29, 3, 1)), ("sctp", (2, 1, 132))):
        try:
            socket.socket(*arguments).close()
            reached.append(name)
        except OSError:
            continue
    return "REACHED " + " ".join(reached) if reached else "refused"


CASES = {
    "plain-connection": ("connect", plain_connection),
    "address-in-another-notation": ("connect", address_in_another_notation),
    "connection-without-connect": ("connect", connection_without_connect),
    "multipath-connection": ("connect", multipath_connection),
    "datagram": ("connect", datagram),
    "abstract-socket": ("connect", abstract_socket),
    "socket-file": ("connect", socket_file),
    "datagram-pair": ("connect", datagram_pair),
    "foreign-function-connection": ("connect", foreign_function_connection),
    "listen-for-the-outside": ("listen", listen_for_the_outside),
    "look-around": ("surface", look_around),
    "address-in-wide-digits": ("connect", address_in_wide_digits),
    "address-of-the-other-family": ("connect", address_of_the_other_family),
    "connected-datagram": ("connect", connected_datagram),
    "listen-without-bind": ("listen", listen_without_bind),
    "other-machine": ("surface", other_machine),
}
