"""Disarming the audit hook. All of them end in a plain read, which the kernel refuses whether or not they succeed."""

import atexit
import builtins
import gc
import marshal
import os
import random
import signal
import sys
import threading
import time
import types


def read(canary):
    with open(canary["secret_path"]) as file:
        return file.read()


def replaced_builtins(canary):
    """Everything a hook in Python may look up answers yes."""
    for name in ("any", "all"):
        setattr(builtins, name, lambda *_: True)
    real = builtins.isinstance
    builtins.isinstance = lambda value, kind: kind is int or real(value, kind)
    os.path.abspath = os.path.normpath = os.fspath = lambda _path: "/dev/null"
    return read(canary)


def replaced_modules(canary):
    """Every function of the sandbox's modules does nothing."""
    for name, module in list(sys.modules.items()):
        if "sandbox" in name:
            for attribute, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType):
                    setattr(module, attribute, lambda *_: None)
    return read(canary)


def found_by_the_collector(canary):
    """The hook's data are somewhere among all objects."""
    for value in gc.get_objects():
        if type(value) is list and "/dev/null" in value:
            value.append("/")
    return read(canary)


def rewritten_by_traceback(canary):
    """A refusal's traceback holds the hook's frame, and the frame its data."""
    try:
        read(canary)
    except Exception as refusal:
        frames = []
        trace = refusal.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename != __file__:
                frames.append(trace.tb_frame)
            trace = trace.tb_next
        for frame in frames:
            for name, value in list(frame.f_locals.items()):
                try:
                    frame.f_locals[name] = None
                    value.clear()
                except Exception:
                    continue
            frame.f_globals.clear()
    return read(canary)


def rewritten_code(canary):
    """The functions that decide get other code."""
    try:
        read(canary)
    except Exception as refusal:
        trace = refusal.__traceback__
        while trace is not None:
            values = list(trace.tb_frame.f_locals.values())
            values += [item for value in values if type(value) is tuple for item in value]
            for value in values:
                if isinstance(value, types.FunctionType) and value.__module__ is None:
                    value.__code__ = (lambda *_: None).__code__
            trace = trace.tb_next
    return read(canary)


def traced_hook(canary):
    """A trace function sees every frame, the hook's too."""
    sys.settrace(lambda *_: None)
    return read(canary)


def second_hook(canary):
    """A later hook that raises nothing cannot undo, but it may crash the first."""
    sys.addaudithook(lambda *_: None)
    return read(canary)


def foreign_event(canary):
    """Events of one's own that confuse the hook's state."""
    for event in ("open", "import", "exec", "socket.connect", "os.rename"):
        for arguments in ((), (None,), (object(), object(), object()), ("/dev/null",) * 9):
            try:
                sys.audit(event, *arguments)
            except Exception:
                continue
    return read(canary)


def crowd_of_threads(canary):
    """A guard against recursion that is global lets a second thread through."""
    sys.setswitchinterval(1e-6)
    stop, found = threading.Event(), []

    def noise():
        while not stop.is_set():
            open("/dev/null").close()

    def knock():
        for _ in range(2000):
            try:
                found.append(read(canary))
                return
            except Exception:
                continue

    threads = [threading.Thread(target=noise, daemon=True) for _ in range(3)]
    knocking = threading.Thread(target=knock, daemon=True)
    for thread in (*threads, knocking):
        thread.start()
    knocking.join(20)
    stop.set()
    return "".join(found)


def deep_recursion(canary):
    """The stack ends inside the hook."""

    def descend():
        try:
            return descend()
        except RecursionError:
            return read(canary)

    return descend()


def last_words(canary):
    """An object that dies after the modules."""

    class Late:
        def __init__(self):
            self.path, self.target, self.open = canary["secret_path"], canary["exfiltrated"], open

        def __del__(self):
            try:
                self.open(self.target, "w").write(self.open(self.path).read())
            except BaseException:
                return

    builtins.late = Late()
    return "armed"


def exception_from_a_timer(canary):
    """A signal handler raises while the hook runs, and the act goes on if the hook's caller forgives."""

    def interrupt(*_):
        raise TypeError

    signal.signal(signal.SIGALRM, interrupt)
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 3e-5))
            text = read(canary)
            signal.setitimer(signal.ITIMER_REAL, 0)
            return text
        except (OSError, TypeError):
            pass
        except Exception:
            continue
        finally:
            quiet()
    return "the race was not won"


def quiet():
    """Stop the timer, whatever it does meanwhile."""
    while True:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        except TypeError:
            continue


def profiled_hook(canary):
    """A profile function sees calls of C functions with their arguments."""
    sys.setprofile(lambda *_: None)
    threading.setprofile(lambda *_: None)
    return read(canary)


def monitored_hook(canary):
    """Python 3.12 shows every start of a function, the hook's too, and 3.13 lets its variables be written."""
    tool, events = 4, sys.monitoring.events
    sys.monitoring.use_tool_id(tool, "canary")

    def started(_code, _offset):
        frame = sys._getframe(1)
        for name in list(frame.f_locals) if "hook" in frame.f_code.co_filename else ():
            frame.f_locals[name] = ()

    sys.monitoring.register_callback(tool, events.PY_START, started)
    sys.monitoring.set_events(tool, events.PY_START)
    try:
        with open(canary["secret_path"]) as file:
            return file.read()
    finally:
        sys.monitoring.set_events(tool, 0)


def interpreter_in_the_interpreter(canary):
    """A hook written in Python belongs to one interpreter; here is another."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        code = f"open({canary['exfiltrated']!r}, 'w').write(open({canary['secret_path']!r}).read())"
        module.run_string(module.create(), code)
        return "ran"
    return "there is none"


def code_from_text(canary):
    """Code that nobody has read before it runs."""
    names = {}
    exec(f"text = open({canary['secret_path']!r}).read()", names)
    return names["text"]


def code_from_bytes(canary):
    """Code that is not even text."""
    blob = marshal.dumps(compile(f"text = open({canary['secret_path']!r}).read()", "x", "exec"))
    names = {"__builtins__": builtins}
    types.FunctionType(marshal.loads(blob), names)()
    return names["text"]


def globals_of_the_loader(canary):
    """Every frame below this one is the loader's, with its globals."""
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_globals.values()):
            if isinstance(value, types.ModuleType) and "theodore" in value.__name__:
                for name, own in list(vars(value).items()):
                    if isinstance(own, types.FunctionType):
                        setattr(value, name, lambda *_, **__: None)
        frame = frame.f_back
    return read(canary)


def found_by_references(canary):
    """What an object refers to can be asked, and so on from there."""
    try:
        read(canary)
    except Exception as refusal:
        seen, wanted = set(), [refusal.__traceback__, type(refusal), refusal]
        while wanted and len(seen) < 20_000:
            value = wanted.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) is dict and any("secret" in str(key) or "reads" in str(key) for key in value):
                value.clear()
            wanted += gc.get_referents(value)
    return read(canary)


def at_the_very_end(canary):
    """What runs at exit runs when much is gone already."""

    def late():
        with open(canary["exfiltrated"], "w") as target:
            target.write(read(canary))

    atexit.register(late)
    return "armed"


GRACEFUL = {"last-words", "at-the-very-end"}

CASES = {
    "replaced-builtins": ("read", replaced_builtins),
    "replaced-modules": ("read", replaced_modules),
    "found-by-the-collector": ("read", found_by_the_collector),
    "rewritten-by-traceback": ("read", rewritten_by_traceback),
    "rewritten-code": ("read", rewritten_code),
    "traced-hook": ("read", traced_hook),
    "second-hook": ("read", second_hook),
    "foreign-event": ("read", foreign_event),
    "crowd-of-threads": ("read", crowd_of_threads),
    "deep-recursion": ("read", deep_recursion),
    "last-words": ("read", last_words),
    "exception-from-a-timer": ("read", exception_from_a_timer),
    "profiled-hook": ("read", profiled_hook),
    "monitored-hook": ("read", monitored_hook),
    "interpreter-in-the-interpreter": ("read", interpreter_in_the_interpreter),
    "code-from-text": ("read", code_from_text),
    "code-from-bytes": ("read", code_from_bytes),
    "globals-of-the-loader": ("read", globals_of_the_loader),
    "found-by-references": ("read", found_by_references),
    "at-the-very-end": ("read", at_the_very_end),
}
