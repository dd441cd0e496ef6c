"""One function for each kind of act."""

import importlib
import os
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lender


def fetch():
    """Reach out by address."""
    return urllib.request.urlopen("http://observed.example.org/")


def connect():
    """Reach out by host name, which is resolved before any event is raised."""
    with socket.socket() as connection:
        connection.connect(("observed.example.org", 443))


def keep(path):
    """Write a file."""
    Path(path).write_text("kept")


def borrow(path):
    """Read a file, but through a dependency."""
    return lender.lend(path)


def start():
    """Run a program."""
    subprocess.run(["true"], check=False)


def compute(text):
    """Run code that is made at run time, in a comprehension that is no function of its own."""
    return [eval(text) for _ in range(1)]


def choose(name):
    """Import a module that is chosen at run time."""
    return importlib.import_module(name)


def import_by_name():
    """Import a module whose name stands here: no choice is made."""
    return importlib.import_module("observed.work")


def pool(path):
    """Act in a thread that this package starts."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(os.listdir, path).result()


def own_data():
    """Read what belongs to the package: nobody has to be asked."""
    return Path(__file__).read_text()


class Reader:
    """Methods count by their qualified name."""

    @property
    def home(self):
        """Read the environment."""
        return os.environ["HOME"]
