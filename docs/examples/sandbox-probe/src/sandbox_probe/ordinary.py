"""The acts as any plugin would write them: every one raises an audit event."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path


def read(path: str) -> str:
    """Return what the file says."""
    return Path(path).read_text()


def connect(address: str) -> str:
    """Connect to ``host:port`` and return the peer."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        return str(connection.getpeername())


def spawn(program: str) -> str:
    """Start ``program`` and return its exit code."""
    return f"exit code {subprocess.run([program], timeout=5, check=False).returncode}"
