"""Attacks by Python on the policeman himself, each against both hooks: whatever it does, the act stays refused."""

from __future__ import annotations

import pytest

ATTEMPT = """
def attempt():
    try: return open('/etc/passwd').read(9)
    except Exception as problem: return f'{problem.__class__.__name__}: {problem}'
"""
ATTACKS = {
    "patched builtins": """
import builtins
plain, saved = attempt, dict(vars(builtins))
def attempt():
    for name in ('isinstance', 'type', 'str', 'int', 'tuple', 'len', 'getattr', 'ValueError'):
        setattr(builtins, name, lambda *a, **k: True)
    told = plain()
    vars(builtins).update(saved)
    return told
""",
    "patched standard library": """
import os, os.path, re, sys, time, posixpath, pathlib
os.getcwd = os.fspath = os.path.normpath = posixpath.normpath = lambda *a: data
time.time = time.monotonic = lambda: 0.0
sys._getframe = None
re.compile = re.fullmatch = None
""",
    "emptied modules": """
import sys
for name in [name for name in sys.modules if name.startswith(('theodore', 'pathlib', 're', 'time'))]:
    vars(sys.modules.pop(name)).clear()
""",
    "patched error": """
from theodore_sdk.errors import PluginPermissionError, PluginSecurityError
from theodore_loader.sandbox.hook_errors import NativeImportDeniedError
def kept(self, *a, **k): self.args = a
for kind in (PluginPermissionError, PluginSecurityError, NativeImportDeniedError):
    kind.__init__ = kept
""",
    "error that makes no error": """
from theodore_sdk.errors import PluginPermissionError
PluginPermissionError.__new__ = lambda kind, *a, **k: None
""",
    "patched rules": """
import sys
from theodore_loader.sandbox import hook_events, hook_decisions, audit_hook
hook_decisions.on_open = hook_decisions.as_path = lambda *a: None
hook_events.DECISIONS = ()
""",
    "hook of its own": """
import sys
try: sys.addaudithook(lambda *a: None)
except BaseException: pass
""",
    "second policy": """
from theodore_loader.sandbox import audit_hook
try: audit_hook.install(None, print)
except BaseException: pass
""",
    "deep recursion": """
import sys
sys.setrecursionlimit(300)
def deep():
    try: return deep()
    except RecursionError: pass
    try: return open('/etc/passwd').read(9)
    except Exception as problem: return f'{problem.__class__.__name__}: {problem}'
attempt = deep
""",
    "what the hook remembers": """
def names(frame):
    while frame is not None:
        yield from dict(frame.f_locals).items()
        frame = frame.f_back
try: open('/etc/passwd')
except Exception as problem:
    trace = problem.__traceback__
    while trace:
        for name, value in names(trace.tb_frame):
            if hasattr(value, 'cache_info'):
                value('/etc/passwd'), value.cache_clear(), value('/etc/passwd')
                value.__wrapped__ = value.cache_info = lambda path: True
                try: value.__class__ = type(attempt)
                except TypeError: pass
        trace = trace.tb_next
""",
    "signal in between": """
import signal, time
told = []
def pull(*_):
    try: told.append(open('/etc/passwd').read(9))
    except Exception: pass
def attempt():
    signal.signal(signal.SIGALRM, pull)
    end, turn = time.monotonic() + 0.3, 0
    while time.monotonic() < end:  # each turn one signal: they must not come faster than they are handled
        turn += 1
        signal.setitimer(signal.ITIMER_REAL, 0.00001 * (1 + turn % 20))
        pull()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return ''.join(told)
""",
    "threads that disagree": """
import threading, pathlib, time, sys
sys.setswitchinterval(1e-6)
path, told, stop = pathlib.Path(data + '/x'), ['PluginPermissionError'], time.monotonic() + 0.4
def flip():
    while time.monotonic() < stop:
        path._str = '/etc/passwd'
        path._str = data + '/x'
def pull():
    while time.monotonic() < stop:
        for target in ('/etc/passwd', path):
            try: text = open(target).read(5)
            except Exception: continue
            if text == 'root:': told[0] = text
def attempt():
    threads = [threading.Thread(target=act) for act in (flip, pull, pull)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return told[0]
""",
}
GRANT = "filesystem rw:{data}/**"


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_hook_opens_nothing(police, name):
    code = f"{ATTEMPT}\n{ATTACKS[name]}\nassert not attempt().startswith('root'), 'opened'\nraise OSError('held')"
    assert police(code, GRANT)[0].startswith("OSError: held")


def test_a_changed_path_class_is_understood_by_nobody(police):
    act = "import pathlib, sqlite3\n{}\nsqlite3.connect(pathlib.Path(data, 'x'))"
    assert police(act.format(""), GRANT)[0] == "ok"
    for patch in (
        "pathlib.PurePath.__fspath__ = lambda self: '/etc/x'",
        "pathlib.PurePath.__str__ = lambda self: '/etc/x'",
        "type(pathlib.Path()).__fspath__ = lambda self: '/etc/x'",
        "pathlib.PurePath._str = '/etc/x'",
    ):
        assert "filesystem:write denied: (not plain text)" in police(act.format(patch), GRANT)[0]


LAST_WORDS = """
import os, sys
class Late:
    def __init__(self): self.out, self.write, self.open = os.dup(2), os.write, os.open
    def __del__(self):
        try: told = self.open('/etc/passwd', 0)
        except BaseException as problem: told = problem
        self.write(self.out, type(told).__name__.encode() + b'\\n')
sys.modules['late'] = Late()
sys.late = Late()
"""


def test_code_that_runs_at_the_very_end_is_policed(police):
    assert police(LAST_WORDS, GRANT)[0] == "ok"
    assert police.error == "PluginPermissionError\n" * 2


def test_events_that_a_plugin_makes_up_crash_nothing(police):
    code = """
import random, sys
from theodore_loader.sandbox import hook_events
from theodore_sdk.errors import PluginPermissionError
draw = random.Random(8)
names = sorted(hook_events.SILENT | {name for names, _ in hook_events.DECISIONS for name in names})
names += ['os.new', 'a.b', '']
class Evil(str):
    def __getattribute__(self, name): raise SystemExit(name)
    def __hash__(self): raise SystemExit
    def __eq__(self, other): raise SystemExit
class Bad(tuple):
    def __getitem__(self, at): raise SystemExit
    def __iter__(self): raise SystemExit
values = [None, 0, -1, 2**200, True, 1.5, '', 'x' * 100_000, '\\ud800', 'a\\0b', '/etc/../x', '../' * 5000,
          b'', b'/\\xff\\0', b'//' * 4000, (), [], {}, (1,), ('h', 80), ('h', 2**90), [b'/bin/true'], [[]],
          object(), Evil('/x'), Bad('ab'),
          int, len, sys, ..., memoryview(b'/x'), bytearray(b'/x'), Ellipsis, range(3), open, 'file:' * 999, lambda: 0,
          (lambda: 0).__code__, float('nan'), 10**4400]
for number in range(12000):
    name = draw.choice(names)
    if draw.random() < 0.02: name = 'x' * draw.randrange(3000) + draw.choice(['', '.', 'é', '.open'])
    try: sys.audit(name, *draw.choices(values, k=draw.randrange(7)))
    except PluginPermissionError: pass
"""
    outcome, records = police(code, GRANT)
    assert outcome == "ok"
    assert {record[0] for record in records} >= {"filesystem:read", "native", "interpreter", "environment"}


def test_a_traceback_shows_no_frame_of_the_c_hook(police, kind):
    if kind != "c":
        pytest.skip("the Python hook is the declared weaker tier: its frames stand in the traceback")
    code = """
try: open('/etc/passwd')
except Exception as problem:
    trace, files = problem.__traceback__, []
    while trace: files.append(trace.tb_frame.f_code.co_filename.rpartition('/')[2]); trace = trace.tb_next
    assert files == ['plugin.py'], files
    assert problem.__cause__ is problem.__context__ is None
"""
    assert police(code)[0] == "ok"


@pytest.mark.parametrize("act", ["get_objects()", "get_referrers(1)", "get_referents(1)"])
def test_the_collector_shows_nothing(police, act):
    assert "interpreter denied: gc." in police(f"import gc; gc.{act}")[0]
