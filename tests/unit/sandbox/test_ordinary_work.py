"""What plugins and tools do all day works under the full stack: the other half of every refusal."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import httpx
import pytest

from theodore_loader.sandbox import interpreter

pytestmark = pytest.mark.kernel

ORDINARY = {
    "threads": """
import threading
threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert sorted(seen) == list(range(8))
""",
    "executor": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool: assert sum(pool.map(int, "1234")) == 10
""",
    "event loop": """
import asyncio
async def main():
    assert await asyncio.to_thread(sum, [1, 2]) == 3
    ours, theirs = __import__("socket").socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    theirs.send(b"line\\n"); assert await reader.readline() == b"line\\n"
    writer.close(); theirs.close()
    async with asyncio.timeout(60): await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(10)))
asyncio.run(main())
""",
    "name resolution fails like a network that is down": """
import socket
try: socket.getaddrinfo("example.com", 443)
except OSError as problem: assert isinstance(problem, (socket.gaierror, PermissionError)), problem
else: raise AssertionError("resolved")
""",
    "files": """
import os, pathlib
folder = pathlib.Path("a/b"); folder.mkdir(parents=True); (pathlib.Path("c")).mkdir()
(folder / "x").write_text("hello"); os.replace(folder / "x", "c/y"); os.rename("c/y", "c/z")
assert pathlib.Path("c/z").read_text() == "hello" and sorted(os.listdir(".")) == ["a", "c"]
os.truncate("c/z", 2); os.link("c/z", "a/z"); os.remove("c/z"); assert pathlib.Path("a/z").stat().st_size == 2
assert [p.name for p in pathlib.Path(".").rglob("*")]
""",
    "temporary files": """
import tempfile, os
with tempfile.TemporaryDirectory() as folder:
    os.makedirs(folder + "/deep/er"); open(folder + "/deep/er/file", "w").close()
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
with tempfile.SpooledTemporaryFile(max_size=4) as file: file.write(b"more than four")
""",
    "copying content": """
import shutil
open("one", "w").write("text"); shutil.copyfile("one", "two"); shutil.move("two", "three")
assert open("three").read() == "text"; shutil.disk_usage("."); shutil.which("sh")
""",
    "archives": """
import zipfile, tarfile, gzip, bz2, lzma, io
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as z: z.writestr("x", "y" * 1000)
with zipfile.ZipFile("a.zip") as z: assert z.read("x") == b"y" * 1000
for m in (gzip, bz2, lzma): assert m.decompress(m.compress(b"data")) == b"data"
with tarfile.open("a.tar", "w") as t: t.add("a.zip")
""",
    "database": """
import sqlite3
db = sqlite3.connect("work.db"); db.execute("PRAGMA journal_mode=WAL"); db.execute("CREATE TABLE t (a)")
db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)]); db.commit()
assert db.execute("SELECT sum(a) FROM t").fetchone() == (4950,); db.close()
""",
    "file locks and mappings": """
import fcntl, mmap
with open("m", "wb+") as f:
    f.truncate(8192); fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_EX)
    with mmap.mmap(f.fileno(), 8192) as m: m[:3] = b"abc"
assert open("m", "rb").read(3) == b"abc"
""",
    "tls contexts": """
import ssl, hashlib, secrets, hmac
context = ssl.create_default_context(); assert context.verify_mode == ssl.CERT_REQUIRED
context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.com")
assert len(secrets.token_bytes(16)) == 16 and hashlib.sha256(b"").hexdigest().startswith("e3b0")
""",
    "time": """
import zoneinfo, datetime, time
assert datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")).utcoffset().total_seconds() == 0
time.sleep(0.001); time.localtime(); time.monotonic()
""",
    "signals to itself": """
import signal, os
got = []
signal.signal(signal.SIGUSR1, lambda *a: got.append(1)); os.kill(os.getpid(), signal.SIGUSR1); assert got
signal.signal(signal.SIGALRM, lambda *a: got.append(2)); signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
while not got[1:]: signal.pause()  # the first may come before the pause
signal.setitimer(signal.ITIMER_REAL, 0)
""",
    "about itself": """
import os, sys, resource, platform, getpass, locale, gc
os.getpid(); os.cpu_count(); os.uname(); resource.getrlimit(resource.RLIMIT_DATA); resource.getrusage(0); gc.collect()
os.sched_getaffinity(0); sys.getsizeof(1); locale.getlocale()
""",
    "logging and text": """
import logging, json, csv, re, decimal, statistics, textwrap, uuid, random, string, configparser
import html, xml.etree.ElementTree as E
logging.basicConfig(filename="log.txt"); logging.warning("written"); assert "written" in open("log.txt").read()
assert json.loads(json.dumps({"a": [1, None]})) == {"a": [1, None]}; uuid.uuid4(); E.fromstring("<a/>")
""",
    "classes made at run time": """
import dataclasses, collections, enum, typing
assert dataclasses.make_dataclass("D", ["a"])(1).a == 1 and collections.namedtuple("N", "b")(2).b == 2
class C(enum.Enum): A = 1
""",
}


@pytest.mark.parametrize("name", ORDINARY)
def test_works_confined(confined, name):
    done = confined("seen = []\n" + ORDINARY[name])
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_third_party_libraries_work_from_a_readable_folder(confined):
    folder = str(Path(httpx.__file__).parents[1])
    code = f"""
import sys; sys.path.append({folder!r})
import httpx, bs4
assert bs4.BeautifulSoup("<p>x</p>", "html.parser").p.text == "x"
httpx.Client().close()
"""
    done = confined(code, read=(*interpreter.read_paths(), folder))
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_copying_a_mode_is_refused_and_said_so(confined):
    done = confined("import shutil; open('one', 'w').close(); shutil.copy('one', 'two')")
    assert done.returncode == 1
    assert b"PermissionError: [Errno 1] Operation not permitted: 'two'" in done.stderr


def test_copying_a_mode_is_ignored_for_build_tools(confined):
    code = "import shutil, os; open('one', 'w').write('x'); shutil.copy2('one', 'two'); os.chmod('two', 0o777)"
    done = confined(code + "; print(open('two').read())", metadata_changes="ignore")
    assert (done.stdout, done.stderr) == (b"x\n", b"")


def test_native_libraries_load_where_write_xor_execute_is_off(confined):
    if not sysconfig.get_config_var("EXT_SUFFIX"):
        pytest.skip("this Python has no extension modules")
    assert confined("import _ctypes, _decimal").returncode == 0
