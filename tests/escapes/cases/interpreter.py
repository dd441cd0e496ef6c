"""Disarming the audit hook. All of them end in a plain read, which the kernel refuses whether or not they succeed."""

import builtins
import gc
import os
import sys
import threading
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
}
