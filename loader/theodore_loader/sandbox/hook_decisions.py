"""What the audit hook decides, one function per kind of event.

These functions run as copies without globals and without builtins (``audit_hook``), so that replacing
``builtins.isinstance`` or a module's attribute changes nothing: whatever they use comes in through ``data`` or is a
method of an exact built-in type. They look at exact types only, because a subclass may answer differently each time.

Each takes the event's name, its arguments and its own immutable data, and returns ``None`` (not a permissioned act) or
``(permission, resource, granted)``. An exception is a refusal: whatever an audit hook raises aborts the act.
"""

from __future__ import annotations

from typing import Any

Verdict = tuple[str, str, bool] | None

NOT_TEXT = "(not plain text)"
"""Stands for a path or a name that is no ``str``, ``bytes`` or ``Path``; it matches no grant."""


def as_text(value: Any, kinds: Any) -> Any:
    """Return plain text for ``value``, and the integer for a descriptor."""
    kind_of, text, data, number, path, text_of_path, path_data = kinds
    kind = kind_of(value)
    if kind is text or kind is number:
        return value
    if kind is data:
        return value.decode("utf-8", "surrogateescape")
    if kind is path:
        return text_of_path(value, path_data)
    return "(not plain text)"


def text_of_path(path: Any, data: Any) -> Any:
    """Return what ``str(path)`` will be, from the slots that its own methods read (see ``hook_paths``)."""
    guards, string, drive, root, parts, raw, anchored, kind_of, text, many, missing, joined = data
    for attributes, name, original in guards:
        if attributes.get(name) is not original:
            return "(not plain text)"
    try:
        found = string(path)
        return found if kind_of(found) is text else "(not plain text)"
    except missing:
        pass
    try:
        anchor = drive(path), root(path)
    except missing:  # what was given to the constructor and not parsed yet: the last absolute part begins it
        given = raw(path)
        if kind_of(given) is not many:
            return "(not plain text)"
        whole: list[Any] = []
        for part in given:
            if kind_of(part) is text and part[:1] == "/":
                whole = []
            whole = [*whole, part]
        return joined("", whole, kind_of, text)
    if kind_of(anchor[0]) is not text or kind_of(anchor[1]) is not text or kind_of(parts(path)) is not many:
        return "(not plain text)"
    before = anchor[0] + anchor[1]
    return joined(before, parts(path)[1 if anchored and before else 0 :], kind_of, text)


def joined(before: Any, parts: Any, kind_of: Any, text: Any) -> Any:
    """Return the parts of a path with slashes between."""
    path = ""
    for part in parts:
        if kind_of(part) is not text:
            return "(not plain text)"
        path = path + "/" + part if path else part
    return before + path or "."


def as_path(value: Any, data: Any) -> Any:
    """Return an absolute path in normal form, ``None`` for an open descriptor.

    Links are not followed (the kernel does, and decides again), and ``..`` climbs in the text.
    """
    number, kind_of, as_text, kinds, getcwd = data
    path = value
    if kind_of(value) is not kinds[1]:
        path = getcwd() if value is None else as_text(value, kinds)
        if kind_of(path) is number:
            return None
        if path == "(not plain text)":
            return path
    if path[:1] != "/":
        path = getcwd() + "/" + path
    if "//" not in path and "/." not in path and path[-1:] != "/":
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def on_open(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge ``open(path, mode, flags)``: reading code and system files passes without a word.

    Every import and every file comes here, so what is a plain path already is not taken apart.
    """
    silent, silent_files, reads, writes, writing, as_path, path_data, number, kind_of, text = data
    path, _mode, flags = arguments
    if (
        kind_of(path) is not text
        or path[:1] != "/"
        or "//" in path
        or ("/." in path and ("/./" in path or "/../" in path or path.endswith(("/.", "/.."))))
        or path[-1:] == "/"
    ):
        path = as_path(path, path_data)
        if path is None:
            return None
    if kind_of(flags) is number and not flags & writing:
        if path.startswith(silent) or path in silent_files:
            return None
        return ("filesystem:read", path, reads(path) is not None)
    return None if path == "/dev/null" else ("filesystem:write", path, writes(path) is not None)


def on_read(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge an event whose first argument is a path that is looked at."""
    silent, silent_files, reads, as_path, path_data = data
    path = as_path(arguments[0], path_data)
    if path is None or path.startswith(silent) or path in silent_files:
        return None
    return ("filesystem:read", path, reads(path) is not None)


def on_write(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge an event whose first argument is a path that is changed."""
    writes, as_path, path_data = data
    path = as_path(arguments[0], path_data)
    return None if path is None else ("filesystem:write", path, writes(path) is not None)


def in_folder(path: Any, folder: Any, data: Any) -> bool:
    """Tell whether ``path`` starts from an open folder: opening that was judged, the kernel judges what is below."""
    number, kind_of, as_text, kinds, _getcwd = data
    path = as_text(path, kinds)
    if kind_of(folder) is not number or folder < 0 or kind_of(path) is number or path == "(not plain text)":
        return False
    return path[:1] != "/" and ".." not in path.split("/")


def on_write_in_folder(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge the same where the path may be relative to an open folder, the last argument."""
    writes, as_path, path_data, in_folder = data
    if in_folder(arguments[0], arguments[-1], path_data):
        return None
    path = as_path(arguments[0], path_data)
    return None if path is None else ("filesystem:write", path, writes(path) is not None)


def on_move(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge a rename or a link: both change both paths, for the first becomes reachable as the second."""
    writes, as_path, path_data, in_folder = data
    source, target, source_folder, target_folder = arguments
    if not in_folder(source, source_folder, path_data):
        source = as_path(source, path_data)
        if source is None or writes(source) is None:
            return ("filesystem:write", source or "(descriptor)", False)
    if in_folder(target, target_folder, path_data):
        return None
    target = as_path(target, path_data)
    return ("filesystem:write", target or "(descriptor)", target is not None and writes(target) is not None)


def on_link(_event: str, arguments: Any, data: Any) -> Verdict:
    """Refuse a symbolic link."""
    as_path, path_data = data
    return ("filesystem:link", as_path(arguments[1], path_data) or "(descriptor)", False)


def on_database(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge ``sqlite3.connect``: a path, ``:memory:``, or with ``file:`` a URI whose escapes are not followed."""
    writes, as_path, path_data, as_text, kinds, kind_of, text = data
    name = as_text(arguments[0], kinds)
    if kind_of(name) is not text or "%" in name or name == "(not plain text)":
        return ("filesystem:write", "(not plain text)", False)
    if name.startswith("file:"):
        name = name[5:].partition("?")[0].partition("#")[0]
        name = name[2:] if name.startswith("//") else name
    if name in ("", ":memory:"):
        return None
    path = as_path(name, path_data)
    return ("filesystem:write", path, writes(path) is not None)


def on_address(event: str, arguments: Any, data: Any) -> Verdict:
    """Refuse to give a socket an address: granted hosts are reached through the broker, which raises no event.

    ``sendmsg`` without one sends on a connection the broker made, as asyncio does from Python 3.12 on.
    """
    kind_of, sequence, text, number = data
    address = arguments[1]
    if address is None and event == "socket.sendmsg":
        return None
    if kind_of(address) is sequence:
        host, port = (*address, None, None)[:2]
        if kind_of(host) is text and kind_of(port) is number:
            return ("network:raw-socket", f"{host}:{port}", False)
    if kind_of(address) is text:
        return ("network:raw-socket", "unix:" + address, False)
    return ("network:raw-socket", "(an address)", False)


def on_host(_event: str, arguments: Any, data: Any) -> Verdict:
    """Refuse to resolve a name here instead of by the broker."""
    as_text, kinds, kind_of, text = data
    host = as_text(arguments[0], kinds)
    return ("network:resolve", host if kind_of(host) is text else "(an address)", False)


def on_program(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge an event whose first argument is a program."""
    programs, as_text, kinds, kind_of, text = data
    program = as_text(arguments[0], kinds)
    if kind_of(program) is not text:
        return ("subprocess", "(not plain text)", False)
    return ("subprocess", program, programs(program) is not None)


def on_fork(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge the files a program is looked for in: each must be one that is granted, for the first that exists runs."""
    programs, as_text, kinds, kind_of, text, lists, size = data
    if kind_of(arguments[0]) not in lists:
        return ("subprocess", "(not plain text)", False)
    program = ""
    for candidate in arguments[0]:
        program = as_text(candidate, kinds)
        if kind_of(program) is not text or program[:1] != "/" or programs(program) is None:
            return ("subprocess", program if kind_of(program) is text else "(not plain text)", False)
    if size(arguments[0]) > 1:  # found by its bare name, which is what subprocess.Popen was told and logged
        program = program.rpartition("/")[2]
    return ("subprocess", program, program != "")


def on_shell(event: str, arguments: Any, data: Any) -> Verdict:
    """Refuse programs and processes of no name."""
    as_text, kinds, kind_of, text = data
    command = as_text(arguments[0], kinds) if arguments else ""
    return ("subprocess", event + " " + command if kind_of(command) is text else event, False)


def on_environment(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge setting and unsetting a variable."""
    environment, as_text, kinds, kind_of, text = data
    name = as_text(arguments[0], kinds)
    if kind_of(name) is not text:
        name = "(not plain text)"
    return ("environment", name, environment(name) is not None)


def on_signal(event: str, arguments: Any, data: Any) -> Verdict:
    """Refuse a signal to any process but this one and, with programs granted, those it started: its group."""
    own, group_of, kind_of, number = data
    target = arguments[0]
    if kind_of(target) is number:
        if target == own or (group_of is not None and event == "os.kill" and target > 0 and group_of(target) == own):
            return None
        return ("process:signal", f"{event} {target}", False)
    return ("process:signal", event, False)


def on_import(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge native code: a module that reaches around the hook, or an extension module outside the standard library."""
    native_modules, native, any_native, silent, shipped, as_path, path_data, kind_of, text = data
    module, filename = arguments[0], arguments[1]
    if kind_of(module) is not text:
        return ("native", "(not plain text)", False)
    if module in native_modules:
        return None if any_native else ("native", module, False)
    if filename is None:
        return None
    if kind_of(filename) is not text:
        return ("native", module, False)
    filename = as_path(filename, path_data)  # a search path may climb out of the folder it begins with
    if filename.startswith(silent) and not filename.startswith(shipped):
        return None
    top = module.partition(".")[0]
    inside = filename.startswith(shipped)
    return ("native", module, inside and (native(module) is not None or native(top) is not None))


def on_code(event: str, arguments: Any, data: Any) -> Verdict:
    """Judge making code: the import system's and the standard library's own use is no act of the plugin."""
    (granted, makers, importers, dependencies, code_roots, import_roots) = data[:6]
    as_path, path_data, frame_at, kind_of, text, code = data[6:]
    caller = frame_at(3).f_code.co_filename  # above this decision, `python_hook._judge` and the hook
    if kind_of(caller) is not text:
        caller = "(not plain text)"
    if caller in makers:
        if event != "exec" or caller not in importers:
            return None
        if kind_of(arguments[0]) is not code:
            return ("interpreter", event + " with unexpected arguments", False)
        source = arguments[0].co_filename
        if kind_of(source) is not text:
            return ("dynamic_code", "import of (not plain text)", granted)
        if source[:1] == "<":
            return None
        source = as_path(source, path_data)
        if source.startswith(code_roots):
            return None
        return ("dynamic_code", "import of " + source, granted)
    label = caller
    for root in import_roots:
        if caller.startswith(root):
            label = caller[root.__len__() :]
            break
    return ("dynamic_code", event + " in " + label, granted or caller.startswith(dependencies))


def on_set_attribute(_event: str, arguments: Any, data: Any) -> Verdict:
    """Judge replacing a function's code; refuse to touch the hook's own functions."""
    granted, guarded, kind_of, text = data
    target, name = arguments[0], arguments[1]
    for function in guarded:
        if target is function:
            return ("interpreter", "the audit hook", False)
    if kind_of(name) is not text or name == "__code__":
        return ("dynamic_code", "object.__setattr__ __code__", granted)
    return None


def on_other(event: str, _arguments: Any, data: Any) -> Verdict:
    """Refuse an event on no list; one that no part of the standard library raises is a third party's business."""
    native_events, namespaces, any_native = data
    namespace = event.partition(".")[0]
    if namespace == "ctypes" or event in native_events:
        return None if any_native else ("native", event, False)
    return ("interpreter", event, False) if namespace in namespaces else None
