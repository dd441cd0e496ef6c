"""The tier isolated: a process that finds nothing but its grants, and cannot use up what is the host's."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import libc, namespaces
from theodore_loader.sandbox.private_root import Tree
from theodore_loader.sandbox.run import Completed
from theodore_loader.sandbox.tier import Tier, available, namespaces_refused

OFFER = available(Tier.ISOLATED)
needs_namespaces = pytest.mark.skipif(OFFER.tier < Tier.ISOLATED, reason="; ".join(OFFER.reasons) or "no namespaces")

Run = Callable[..., Completed]
MIB = 1024 * 1024


@pytest.fixture
def isolated(confined: Run, work: Path) -> Run:
    """Run Python code in the tier isolated; ``work/tmp`` is memory of 1 MiB."""
    (work / "tmp").mkdir()

    def run(code: str, **options: object) -> Completed:
        values = {"namespaces": True, "tmpfs": (str(work / "tmp"),), "tmpfs_bytes": MIB, **options}
        return confined(code, **values)

    return run


def printed(done: Completed) -> list[str]:
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


ORACLE = """
import os
for path in {paths!r}:
    try: print(os.stat(path).st_size)
    except OSError as refusal: print(type(refusal).__name__)
"""


@needs_namespaces
def test_nothing_tells_whether_a_file_outside_exists(confined, isolated, work):
    secret = work.parent / "secret"
    secret.write_text("12345")
    code = ORACLE.format(paths=[str(secret), str(secret) + "x", "/etc/passwd", "/proc/1", "/sys", "/var/log"])
    assert printed(confined(code))[:2] == ["5", "FileNotFoundError"]  # Landlock alone tells
    assert printed(isolated(code)) == ["FileNotFoundError"] * 6


MANY_FILES = """
import os, sys
made = 0
try:
    while made < 4000:
        with open(f"tmp/{made}", "wb") as file: file.write(bytes(4096))
        made += 1
except OSError as refusal: print(refusal.strerror)
print(made)
"""


@needs_namespaces
def test_many_small_files_fill_their_own_memory_and_no_disk(confined, isolated, work):
    reason, made = printed(isolated(MANY_FILES))
    assert reason == "No space left on device"
    assert int(made) <= MIB // 4096
    assert list((work / "tmp").iterdir()) == []
    assert printed(confined(MANY_FILES)) == ["4000"]  # each file is small enough


@needs_namespaces
def test_empty_files_are_counted_too(isolated):
    code = MANY_FILES.replace("file.write(bytes(4096))", "pass")
    reason, made = printed(isolated(code))
    assert reason == "No space left on device"
    assert int(made) < MIB // 4096


@needs_namespaces
def test_the_layer_and_its_proofs_are_reported(isolated):
    achieved = isolated("pass").achieved
    assert achieved.tier is Tier.ISOLATED
    assert achieved.layers[0].name == "namespaces"
    assert achieved.layers[0].detail.startswith("user, mount, network, ipc, uts; ")
    proofs = [(canary.name.split()[0], canary.refusal) for canary in achieved.canaries if canary.layer == "namespaces"]
    assert proofs == [("see", "ENOENT"), ("put", "ENOSPC"), ("find", "ENODEV")]
    assert ("open /", "landlock", "EACCES") in {(at.name, at.layer, at.refusal) for at in achieved.canaries}


@needs_namespaces
def test_every_mount_allows_what_its_grant_needs_and_no_more(isolated, work):
    read_only, no_set_id, no_devices, no_execution = 1, 2, 4, 8
    folders = [os.path.dirname(os.__file__), str(work), str(work / "tmp"), "/"]
    code = f"import os\nfor path in {folders!r}: print(os.statvfs(path).f_flag & 15)"
    library, own, memory, root = map(int, printed(isolated(code)))
    assert library == read_only | no_set_id | no_devices
    assert own == memory == no_set_id | no_devices | no_execution
    assert root == read_only | no_set_id | no_devices | no_execution


@needs_namespaces
def test_what_is_written_stays_and_what_is_in_memory_goes(isolated, work):
    code = "open('kept', 'w').write('x'); open('tmp/gone', 'w').write('x')"
    printed(isolated(code))
    assert (work / "kept").read_text() == "x"
    assert not (work / "tmp" / "gone").exists()


@needs_namespaces
def test_metadata_of_its_own_files_may_be_changed_and_of_no_others(isolated, work):
    (work / "file").touch()
    code = f"""
import os, shutil
shutil.copy2({os.__file__!r}, "copied.py"); os.chmod("file", 0o640); os.utime("file", (1, 2))
for act in (
    lambda: os.chmod({os.path.dirname(os.__file__)!r}, 0o777), lambda: os.utime({os.__file__!r}),
    lambda: os.chmod("/dev/null", 0o600), lambda: os.chmod("file", 0o4755), lambda: os.chmod("/", 0o777),
    lambda: os.open("setid", os.O_CREAT | os.O_WRONLY, 0o4755), lambda: os.symlink("/", "link"),
):
    try: act(); print("done")
    except OSError as refusal: print(refusal.strerror)
"""
    read_only, refused = "Read-only file system", "Operation not permitted"
    assert printed(isolated(code)) == [read_only, read_only, read_only, refused, read_only, refused, refused]
    found = (work / "file").stat()
    assert (found.st_mode & 0o7777, found.st_mtime) == (0o640, 2)


@needs_namespaces
def test_the_hosts_name_and_its_shared_memory_are_out_of_sight(isolated):
    code = "import os; print(os.uname().nodename); print(os.path.exists('/dev/shm'), os.path.exists('/dev/tty'))"
    assert printed(isolated(code)) == ["worker", "False False"]


@needs_namespaces
def test_tools_with_a_network_keep_it(isolated):
    achieved = isolated("pass", sockets="outbound").achieved
    assert achieved.layers[0].detail.startswith("user, mount, ipc, uts; ")
    assert achieved.tier is Tier.ISOLATED


@needs_namespaces
def test_children_live_in_the_same_root(isolated, work):
    code = f"""
import os, sys
child = os.fork()
if child == 0:
    print(os.path.exists("/etc/passwd"), os.path.exists({str(work)!r})); sys.stdout.flush(); os._exit(0)
os.waitpid(child, 0)
"""
    assert printed(isolated(code, subprocesses=2)) == ["False True"]


@needs_namespaces
def test_the_whole_file_system_is_no_grant_to_make_a_root_of(isolated):
    with pytest.raises(TierUnavailable, match="which is everything there is"):
        isolated("pass", read=("/",))


PLAIN = f"""
import json, os, sys
sys.path.insert(0, {str(Path(__file__).parents[3] / "loader")!r})
from theodore_loader.sandbox import libc, namespaces, order
from theodore_loader.sandbox.profile import Profile
"""


def python(code: str, *arguments: str) -> str:
    import subprocess

    argv = [sys.executable, "-I", "-S", "-c", PLAIN + code, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_namespaces
@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_an_ordinary_user_gets_the_same(tmp_path):
    everybodys = Path(tempfile.gettempdir())
    for folder in (*reversed(tmp_path.parents), tmp_path):
        if everybodys in folder.parents and folder.stat().st_uid == os.getuid():
            folder.chmod(0o755)
    (tmp_path / "own").mkdir()
    os.chown(tmp_path / "own", 65534, 65534)
    code = f"""
import fcntl, resource
libc.prctl(39)  # loads what calls the kernel, while this process may read it
os.setgroups([]); os.setgid(65534); os.setuid(65534)
libc.prctl(4, 1)  # whoever changes users is not dumpable, and an undumpable process maps no identities
own = {str(tmp_path / "own")!r}
achieved = order.confine(Profile(write=(own,), namespaces=True))
os.chmod(own, 0o711); open(own + "/file", "w").close()
print(achieved.tier.name, os.getuid(), os.path.exists("/etc/passwd"))
"""
    assert python(code) == "ISOLATED 65534 False"
    assert (tmp_path / "own" / "file").stat().st_uid == 65534


@needs_namespaces
def test_a_file_system_below_a_grant_is_held_like_the_grant(tmp_path):
    """In namespaces of its own the test may mount something; the process under test gets namespaces below those."""
    for name in ("read/below", "write/below"):
        (tmp_path / name).mkdir(parents=True)
    read, write = str(tmp_path / "read"), str(tmp_path / "write")
    code = f"""
from theodore_loader.sandbox import mounts
user, group = os.getuid(), os.getgid()
libc.syscall("unshare", 0x10020000)
namespaces._map_identity(user, group)
for folder in ({read!r}, {write!r}): mounts.attach(mounts.memory(0, {{"mode": "0777"}}), folder + "/below")
open({read!r} + "/below/file", "w").close()
namespaces.enter(Profile(read=({read!r},), write=({write!r},)))
print(*(os.statvfs(folder + "/below").f_flag & 15 for folder in ({read!r}, {write!r})))
print(os.listdir({read!r} + "/below"), os.listdir({write!r} + "/below"))
"""
    assert python(code).splitlines() == [f"{1 | 2 | 4 | 0} {2 | 4 | 8}", "['file'] []"]


@needs_namespaces
def test_threads_that_would_stay_outside_end_it():
    code = """
import threading, time
from theodore_loader.errors import TierUnavailable
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
try: order.confine(Profile(namespaces=True))
except TierUnavailable as refusal: os.write(1, refusal.message.encode())
os._exit(0)
"""
    assert python(code) == (
        "the sandbox layer namespaces is offered and could not be set up: "
        "2 threads are running; it would hold only one of them"
    )


@needs_namespaces
def test_a_machine_without_user_namespaces_says_so():
    code = """
libc.syscall("unshare", 0x10000000)
namespaces._map_identity(0, 0) if os.getuid() == 0 else None
with open("/proc/sys/user/max_user_namespaces", "w") as limit: limit.write("0")
namespaces.probe()
"""
    assert python(code) == "no user namespace may be made (user.max_user_namespaces = 0)"


REFUSING = """
from theodore_loader.sandbox.bpf import Program
import errno, struct
program = Program(); program.load(0)
program.jump_equal(libc.syscall_numbers(libc.machine())[{call!r}], otherwise="allow")
program.give(0x50000 | errno.{error}); program.label("allow"); program.give(0x7FFF0000)
filter = program.assemble()
libc.prctl(38, 1)
libc.syscall("seccomp", 1, 0, struct.pack("@HP", len(filter) // 8, libc.address(filter)))
{then}
"""


@needs_namespaces
@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ("unshare", "EPERM", "the container this runs in, a chroot or a security module refuses user namespaces"),
        ("unshare", "ENOSPC", "the limit of user namespaces is reached, in number or depth"),
        ("unshare", "EINVAL", "the kernel offers no user namespaces"),
        ("pivot_root", "EINVAL", "a private root cannot be made here (pivot_root: Invalid argument)"),
        ("mount_setattr", "ENOSYS", "a private root cannot be made here (mount_setattr: Function not implemented)"),
        ("open_tree", "EACCES", "a private root cannot be made here (open_tree: Permission denied)"),
    ],
)
def test_a_container_that_refuses_a_step_is_told_which(call, error, says):
    assert python(REFUSING.format(call=call, error=error, then="namespaces.probe()")).startswith(says)


def test_a_demand_that_cannot_be_met_is_refused_and_asking_changes_nothing():
    then = """
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox.tier import Tier, available
before = os.readlink("/proc/self/ns/user"), os.readlink("/proc/self/ns/mnt")
offer = available(Tier.ISOLATED)
print(offer.tier < Tier.ISOLATED, "refuses user namespaces" in " ".join(offer.reasons) or offer.tier < Tier.STANDARD)
print(before == (os.readlink("/proc/self/ns/user"), os.readlink("/proc/self/ns/mnt")))
try: order.confine(Profile(namespaces=True))
except TierUnavailable as refusal: print(refusal.message)
"""
    if not available().seccomp:
        pytest.skip("refuses a call by a filter, which this kernel does not take")
    output = python(REFUSING.format(call="unshare", error="EPERM", then=then))
    assert output.split("\n")[:2] == ["True True", "True"]
    assert "module refuses user namespaces (unshare: Operation not permitted)" in output


def test_asking_leaves_this_process_as_it_was_and_is_asked_once():
    before = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "net", "ipc", "uts")]
    assert available(Tier.ISOLATED).tier >= available().tier
    assert [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "net", "ipc", "uts")] == before
    assert namespaces_refused.cache_info().misses <= 1


@pytest.mark.parametrize(
    ("tried", "says"),
    [
        ('Profile(), "/etc/passwd"', "the attempt to see /etc/passwd succeeded"),
        (
            'Profile(tmpfs=("/usr",), tmpfs_bytes=4096), None',
            "the attempt to put more than 4096 bytes into /usr succeeded",
        ),
        ('Profile(tmpfs=("/nowhere",)), None', "failed with [Errno 2] No such file or directory: '/nowhere'"),
        ('Profile(), "/nowhere"', "the attempt to find a network interface that is up succeeded"),
    ],
)
def test_a_canary_that_gets_through_is_an_error(tried, says):
    if not any(name != "lo" for name in namespaces.interfaces_up()) and "nowhere" in tried:
        pytest.skip("this machine has no network")
    code = f"""
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import canaries
try: canaries.prove_isolation({tried})
except TierUnavailable as refusal: print(refusal.message)
"""
    assert python(code).startswith("the sandbox layer namespaces claims to hold and does not: ")
    assert says in python(code)


@needs_namespaces
def test_no_way_leads_back_up(isolated, work):
    numbers = libc.syscall_numbers(libc.machine() or "")
    calls = [numbers[name] for name in ("mount", "umount2", "unshare", "open_tree")]
    code = f"""
import ctypes, os
root = os.stat("/")
print(all(os.stat(path).st_ino == root.st_ino for path in ("/..", "/../..", "/usr/../..")))
above = os.open("/", os.O_PATH)
library = ctypes.CDLL(None, use_errno=True)
for call in (lambda: os.chroot("/"), lambda: os.fchdir(above) or os.stat("../etc/passwd"),
             lambda: os.stat("etc/passwd", dir_fd=above), lambda: os.readlink("/proc/self/root"),
             lambda: os.open(b"/", os.O_RDONLY), lambda: os.mkdir("/new"), lambda: os.rename("/usr", "/moved"),
             lambda: os.rmdir({str(work)!r}), lambda: os.link({os.__file__!r}, "linked")):
    try: call(); print("done")
    except OSError as refusal: print(type(refusal).__name__, end=" ")
print(*(library.syscall(number, b"/", 2, 0, 0, 0) for number in {calls!r}))
"""
    up, rest = printed(isolated(code))
    assert up == "True"
    assert "done" not in rest
    assert rest.split()[:4] == ["PermissionError", *["FileNotFoundError"] * 3]
    assert rest.endswith("-1 -1 -1 -1")


# what is to be visible


def visible(tree: Tree) -> dict[str, tuple[bool, bool]]:
    return {bind.path: (bind.writable, bind.executable) for bind in tree.mounts()}


def test_links_on_the_way_are_followed_and_made_again(tmp_path):
    real = tmp_path / "real" / "deep"
    real.mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "relative").symlink_to("absolute/deep/../deep")
    tree = Tree()
    tree.add(str(tmp_path / "relative" / "."))
    root = os.path.realpath(tmp_path)
    assert next(tree.mounts()).path == f"{root}/real/deep"
    assert tree.links == {f"{root}/relative": "absolute/deep/../deep", f"{root}/absolute": f"{tmp_path}/real"}


@pytest.mark.parametrize("kind", ["missing", "loop", "dangling", "file/below"])
def test_what_is_not_there_grants_nothing(tmp_path, kind):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    tree = Tree()
    tree.add(str(tmp_path / kind))
    tree.add_memory(str(tmp_path / kind))
    assert not list(tree.mounts())
    assert not tree.memory


def test_a_grant_below_another_is_mounted_only_where_it_adds_something(tmp_path):
    for name in ("a/b/c", "a/d", "ab"):
        (tmp_path / name).mkdir(parents=True)
    tree = Tree()
    root = os.path.realpath(tmp_path)
    tree.add(f"{root}/a/b/c")
    tree.add(f"{root}/a", executable=True)
    tree.add(f"{root}/a/b", writable=True)
    tree.add(f"{root}/a/d")
    tree.add(f"{root}/ab")
    assert visible(tree) == {
        f"{root}/a": (False, True),
        f"{root}/a/b": (True, False),
        f"{root}/ab": (False, False),
    }


def test_a_grant_twice_is_the_sum_of_both(tmp_path):
    tree = Tree()
    tree.add(str(tmp_path), executable=True)
    tree.add(str(tmp_path) + "/", writable=True)
    assert list(visible(tree).values()) == [(True, True)]


@pytest.mark.parametrize("everything", ["/", "//", "/.", "/usr/.."])
def test_everything_is_refused_however_it_is_written(everything):
    with pytest.raises(OSError, match="everything there is"):
        Tree().add(everything)


def test_no_other_device_is_usable(tmp_path):
    tree = Tree()
    for device in ("/dev/null", "/dev/tty"):
        tree.add(device)
    devices = {bind.path: bind.device for bind in tree.mounts()}
    assert devices == {"/dev/null": True, **({"/dev/tty": False} if os.path.exists("/dev/tty") else {})}


def test_paths_lead_where_the_kernel_leads_them(tmp_path):
    """Any folders, files and links, however they point at each other."""
    for seed in range(120):
        chance, folder = random.Random(seed), tmp_path / str(seed)
        folder.mkdir()
        names = [f"{folder}/{name}" for name in ("a", "b", "c", "a/d", "b/e", "a/d/f")]
        for path in names:
            with contextlib.suppress(OSError):
                target = chance.choice([*names, "..", "../a", "./b/../c", "a", "d/f", f"{folder}/../{seed}/b"])
                chance.choice((os.mkdir, lambda at: Path(at).touch(), lambda at, to=target: os.symlink(to, at)))(path)
        tree = Tree()
        for path in names:
            tree.add(path, writable=chance.random() < 0.3)
        there = {os.path.realpath(path) for path in names if os.path.exists(path)}
        assert set(tree.binds) == there, seed
        shown = set(visible(tree))
        assert all(any(path == top or path.startswith(top + "/") for top in shown) for path in there), seed
        assert shown <= there, seed
