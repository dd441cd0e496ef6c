"""What a plugin finds of its host, and what happens when it reaches further: three layers, one clear answer."""

from __future__ import annotations

import json
import os

import pytest

from theodore_loader.errors import RemoteError, TierUnavailable
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise import access_log
from theodore_sdk import PluginPermissionError

needs_kernel = pytest.mark.skipif(
    available().tier < Tier.STANDARD, reason="; ".join(available().reasons) or "no kernel layers"
)


def denials(running):
    return [entry for entry in access_log.read(running.worker.access_log.path) if entry["decision"] == "deny"]


async def test_the_environment_holds_granted_variables_only(start, monkeypatch):
    monkeypatch.setenv("HOST_SECRET", "hunter2")
    running = await start(
        "import json; return say(json.dumps(dict(os.environ)))",
        grants=("environment ACME_*",),
        environment={"ACME_KEY": "k", "HOST_SECRET": "hunter2", "LD_PRELOAD": "/tmp/evil.so"},
    )
    found = json.loads(await running.scrape())
    assert found.pop("LANG") == "C.UTF-8"
    found.pop("TZ", None)
    assert found == {"ACME_KEY": "k"}


async def test_a_dangerous_variable_that_is_granted_never_reaches_exec(start):
    running = await start(
        "return say(os.environ.get('LD_PRELOAD'))",
        grants=("environment LD_PRELOAD",),
        environment={"LD_PRELOAD": "/nonexistent.so"},
    )
    assert await running.scrape() == "/nonexistent.so"
    assert not any("LD_PRELOAD" in record.text for record in running.logs)


async def test_only_the_channel_the_broker_and_the_streams_are_inherited(start, tmp_path):
    # so many that the host's ends have high numbers, which are the host's business
    secrets = [os.open(tmp_path, os.O_RDONLY) for _ in range(100)]
    os.set_inheritable(secrets[0], True)
    try:
        running = await start(
            """
            import stat
            kinds = []
            for fd in range(0, 60):
                try:
                    mode = os.fstat(fd).st_mode
                except OSError:
                    continue
                kinds.append("socket" if stat.S_ISSOCK(mode) else "pipe" if stat.S_ISFIFO(mode) else
                             "null" if stat.S_ISCHR(mode) else "epoll" if not stat.S_IFMT(mode) else "other")
            return say(sorted(kinds))
            """
        )
        # channel, broker, the event loop's own pair and its epoll; input, output and error
        assert await running.scrape() == str(sorted(["epoll", "null", "pipe", "pipe", *["socket"] * 4]))
    finally:
        for secret in secrets:
            os.close(secret)


async def test_the_worker_has_its_own_session_and_an_empty_folder(start):
    running = await start("return say([os.getsid(0) == os.getpid(), os.listdir('.'), os.getpid()])")
    own_session, listed, pid = json.loads((await running.scrape()).lower().replace("'", '"'))
    assert own_session
    assert listed == []
    assert pid == running.worker.pid


async def test_the_hosts_packages_are_not_importable(start):
    running = await start(
        """
        import importlib.util
        names = ("pytest", "sigstore", "click", "theodore_plugin", "theodore_loader.host", "filelock")
        found = []
        for name in names:
            try:
                found += [name] if importlib.util.find_spec(name) else []
            except ImportError:
                pass
        return say([found, [path for path in sys.path if "site-packages" in path]])
        """
    )
    assert await running.scrape() == "[[], []]"


async def test_a_file_outside_the_grants_is_refused_with_the_line(start, tmp_path):
    (tmp_path / "secret.txt").write_text("hunter2")
    running = await start("return say(open(request.url).read())")
    with pytest.raises(PluginPermissionError) as caught:
        await running.scrape(str(tmp_path / "secret.txt"))
    assert caught.value.permission == "filesystem:read"
    assert caught.value.resource.endswith("secret.txt")
    assert caught.value.location is not None
    assert caught.value.location.startswith("demo_plugin.py:")
    assert caught.value.enforced_by == "audit hook"
    (entry,) = denials(running)
    assert entry["trust"] == "worker"
    assert entry["location"].startswith("demo_plugin.py:")


async def test_own_folders_are_usable_as_granted(start):
    running = await start(
        """
        import sqlite3, tempfile
        (self.container.tmp_dir / "scratch").write_text("x")
        with tempfile.TemporaryFile(dir=self.container.tmp_dir) as file:
            file.write(b"x")
        database = sqlite3.connect(self.container.data_dir / "kept.db")
        database.execute("create table if not exists t (n)")
        database.execute("insert into t values (1)")
        database.commit()
        (count,) = database.execute("select count(*) from t").fetchone()
        database.close()
        return say(count)
        """,
        grants=("filesystem rw:{data}/**",),
    )
    assert await running.scrape() == "1"
    other = await start("return say((self.container.cache_dir / 'x').write_text('x'))")
    with pytest.raises(PluginPermissionError):
        await other.scrape()


async def test_a_subprocess_is_refused_with_the_line(start):
    running = await start("import subprocess; return say(subprocess.check_output(['id']))")
    with pytest.raises(PluginPermissionError) as caught:
        await running.scrape()
    assert caught.value.permission.startswith("subprocess")
    assert caught.value.location is not None


ATTEMPTS = {
    "read": "libc.open(b'/etc/passwd', 0)",
    "write": "libc.open(b'/tmp/theodore-canary', 0o1101, 0o600)",
    "socket": "libc.socket(2, 1, 0)",
    "fork": "libc.fork()",
    "exec": "libc.execv(b'/bin/true', None)",
    "kill": "libc.kill(os.getppid(), 0)",
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
}


@pytest.mark.kernel
@needs_kernel
@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_what_the_hook_cannot_see_the_kernel_refuses(start, attempt):
    """The plugin holds ``native``: it may load libc and call it directly, past every hook."""
    running = await start(
        f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        answer = {ATTEMPTS[attempt]}
        return say([answer, ctypes.get_errno()])
        """,
        grants=("native *",),
    )
    answer, number = json.loads(await running.scrape())
    assert answer == -1
    assert number in (1, 13)
    assert "theodore-canary" not in os.listdir("/tmp")


@pytest.mark.kernel
@needs_kernel
async def test_a_refusal_of_the_kernel_is_recorded_with_its_line(start):
    running = await start(
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.open(b"/etc/passwd", 0) < 0:
            raise PermissionError(ctypes.get_errno(), "open", "/etc/passwd")
        """,
        grants=("native *",),
    )
    with pytest.raises(PluginPermissionError, match="refused by the kernel"):
        await running.scrape()
    (entry,) = [entry for entry in denials(running) if entry["source"] == "kernel"]
    assert (entry["resource"], entry["trust"]) == ("/etc/passwd", "worker")
    assert entry["location"].startswith("demo_plugin.py:")


@pytest.mark.kernel
@needs_kernel
async def test_without_native_no_library_can_be_loaded(start):
    running = await start("import ctypes; ctypes.CDLL(None); return say('loaded')")
    with pytest.raises(PluginPermissionError, match="native"):
        await running.scrape()


@pytest.mark.kernel
@needs_kernel
async def test_memory_is_limited(start):
    running = await start("block = bytearray(200 * 1024 * 1024); return say(len(block))", limits={"max_memory_mb": 128})
    with pytest.raises(RemoteError, match="MemoryError"):
        await running.scrape()


async def test_descriptors_are_limited(start):
    running = await start(
        "files = [open(self.container.tmp_dir / str(n), 'w') for n in range(200)]",
        limits={"max_file_handles": 20},
    )
    with pytest.raises(RemoteError, match="Too many open files"):
        await running.scrape()


async def test_a_worker_below_the_demanded_tier_never_reads_the_plugin(start, tmp_path):
    """A tier nothing reaches stands for a machine that offers too little."""
    source = f"open({str(tmp_path / 'plugin-ran')!r}, 'w')"
    with pytest.raises(TierUnavailable, match=r"is demanded|cannot confine a process"):
        await start("", source=source, minimum_tier=99)
    assert not (tmp_path / "plugin-ran").exists()


async def test_the_access_log_holds_granted_and_denied_in_an_unbroken_chain(start):
    running = await start(
        """
        (self.container.data_dir / "a").write_text("x")
        try:
            open("/etc/passwd")
        except PermissionError:
            pass
        except PluginPermissionError:
            pass
        return say("")
        """,
        grants=("filesystem rw:{data}/**",),
    )
    await running.scrape()
    path = running.worker.access_log.path
    entries = list(access_log.read(path))
    assert {"allow", "deny"} <= {entry["decision"] for entry in entries}
    assert access_log.broken_at(path, "0" * 64) is None
    assert path.stat().st_mode & 0o777 == 0o600
