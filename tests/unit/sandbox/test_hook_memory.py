"""What the hooks remember of paths that were read: never a decision that the policy would not make again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from theodore_loader.permissions import Permission
from theodore_loader.sandbox import hook_rules, python_hook
from theodore_loader.sandbox.access import AccessRecord
from theodore_sdk.errors import PluginPermissionError

GRANTS = ("filesystem r:{data}/r/**", "filesystem rw:{data}/w/**")

REPEATED = """
import os, posixpath, random, sys
from theodore_sdk.errors import PluginPermissionError
os.makedirs(data + '/w/deep')
asked = []
class Text(str):  # which claims to be what was read lately
    def __eq__(self, other): return asked.append(self) is None
    def __hash__(self): return asked.append(self) or hash(data + '/r/file')
class Number(int):
    def __and__(self, other): return 0
    def __eq__(self, other): return True
    __hash__ = int.__hash__
reading = [0, os.O_CLOEXEC, 2**70, -2**70, os.O_NONBLOCK]
writing = [os.O_WRONLY, os.O_RDWR | os.O_CLOEXEC, os.O_CREAT, os.O_TRUNC, os.O_APPEND, 2**70 + 1, -1, Number(0), True]
names = ['/r/file', '/w/file', '/r', '/w', '/rr/file', '/r/../../x', '/r//./file', '/r/file/', '/r/.hidden']
names += ['/w/../r/x', '/r/d\\xe4t\\xe4', '/r/\\udcff', '/w/\\U0001f600', '/r/' + 'long' * 40]
names += ['/r/' + 'longer' * 1000, '/r/a\\0b']
paths = [data + name for name in names]
paths += ['/etc/passwd', '/', '/r', '/x/y', '', '.', 'file', '../r/file', '../../r/file', 'r/file', 'x' * 8, '/etc/../']
for path in paths[:]:  # as long, and alike from the middle on: they fall on one place
    alike = '/etc/' + path[5:].replace('/r/', '/q/').replace('/w/', '/q/')
    paths += [alike, path[:-1], path + '/']
draw = random.Random(7)
def fresh(path):
    return ''.join(list(path))  # equal, and another object
kinds = [fresh, fresh, fresh, str, str, str, os.fsencode, Text, lambda path: object()]
def is_granted(path, flags):
    if type(path) not in (str, bytes): return False
    whole = '/' + posixpath.normpath(posixpath.join(os.getcwd(), os.fsdecode(path))).lstrip('/')
    reads = type(flags) is int and flags in reading
    roots = [data + root + '/' for root in (('/r', '/w') if reads else ('/w',))]
    return any((whole + '/').startswith(root) for root in roots)
def passes(path, flags):
    try: sys.audit('open', path, None, flags)
    except PluginPermissionError: return False
    return True
kept = draw.sample(paths, 12)
for number in range(9000):
    if number % 50 == 0: os.chdir(draw.choice([data + '/w', data + '/w/deep']))
    path = draw.choice(kept if draw.random() < 0.7 else paths)
    try: path = draw.choice(kinds)(path)
    except UnicodeEncodeError: continue
    flags = draw.choice(reading if draw.random() < 0.8 else writing)
    assert passes(path, flags) is is_granted(path, flags), (path, flags, os.getcwd())
assert not asked
"""


def test_a_path_that_was_read_lately_is_decided_as_at_first(police: Any) -> None:
    assert police(REPEATED, *GRANTS)[0] == "ok"


MANY = """
from theodore_sdk.errors import PluginPermissionError
def refused(path, mode='r'):
    try: open(path, mode)
    except FileNotFoundError: return False
    except PluginPermissionError: return True
for number in range(6000):
    assert not refused(f'{data}/r/{number}'), number
assert not any(refused(f'{data}/r/{number}') for number in (0, 1, 5999))
assert all(refused(f'{data}/r/{number}', 'r+') for number in (0, 5999))
assert all(refused(f'{data}/s/{number}') for number in (0, 5999, '0' * 100))
"""


def test_very_many_paths_change_nothing(police: Any) -> None:
    assert police(MANY, *GRANTS)[0] == "ok"


CROWD = """
import gc, sys, threading
from theodore_sdk.errors import PluginPermissionError
sys.setswitchinterval(1e-6)
wrong = []
def look(path, expected):
    try: open(path)
    except FileNotFoundError: told = 'granted'
    except PluginPermissionError: told = 'refused'
    else: told = 'opened'
    if told != expected: wrong.append((path, told))
def within(*_):  # a collection may come while something is decided
    look(data + '/s/file', 'refused')
    look(data + '/r/seldom', 'granted')
def work(number):
    for turn in range(300):
        look(data + '/r/file', 'granted')
        look(data + '/s/file', 'refused')
        look(f'{data}/r/{number}/{turn % 7}', 'granted')
        look(f'{data}/s/{number}/{turn % 7}', 'refused')
gc.set_threshold(40)
gc.callbacks.append(within)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
gc.callbacks.clear()
assert wrong == [], wrong[:3]
"""


def test_threads_and_acts_in_between_are_decided_alike(police: Any) -> None:
    assert police(CROWD, *GRANTS)[0] == "ok"


def assembled(report: Callable[[AccessRecord], None], *grants: str) -> tuple[Any, python_hook.Memory]:
    """Return the Python hook, not installed, and what it remembers."""
    granted = [Permission.from_text(grant) for grant in grants]
    return python_hook.assemble(hook_rules.hook_rules(granted, {}, ["/plugin"], []), report, "")


def ignore(_record: AccessRecord) -> None:
    """Report nothing."""


def test_the_python_hook_remembers_a_bounded_number_of_paths() -> None:
    hook, _memory = assembled(ignore, "filesystem r:/srv/**")
    passes = hook.__defaults__[0]
    for number in range(python_hook._MOST_REMEMBERED + 100):
        hook("open", (f"/srv/{number}", None, 0))
    full = passes.cache_info().currsize
    hook("open", ("/srv/" + "x" * python_hook._LONGEST_REMEMBERED, None, 0))
    assert full == passes.cache_info().currsize == python_hook._MOST_REMEMBERED


def test_the_python_hook_does_not_lead_from_what_it_remembers_to_what_decides() -> None:
    hook, _memory = assembled(ignore)
    passes = hook.__defaults__[0]
    assert vars(passes) == {}
    assert not hasattr(passes, "__wrapped__")


@pytest.mark.parametrize("event", ["open", "os.listdir"])
def test_the_python_hook_reports_a_grant_once_until_it_forgets(event: str) -> None:
    reported: list[AccessRecord] = []
    hook, memory = assembled(reported.append, "filesystem r:/srv/**")
    for expected in (1, 2):
        for _ in range(3):
            hook(event, ("/srv/file", None, 0))
        assert [record.resource for record in reported] == ["/srv/file"] * expected
        memory.forget()


def test_the_python_hook_reports_every_refusal() -> None:
    reported: list[AccessRecord] = []
    hook, _memory = assembled(reported.append, "filesystem r:/srv/**")
    for _ in range(3):
        with pytest.raises(PluginPermissionError):
            hook("open", ("/etc/passwd", None, 0))
    assert [record.granted for record in reported] == [False] * 3
