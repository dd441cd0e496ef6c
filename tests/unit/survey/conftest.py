import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode

import pytest


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder pip finds wheels in, and nowhere else; returns a function that puts one there."""
    folder = tmp_path / "index"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(folder)), ("CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))

    def put(name, version, files):
        info = f"{name}-{version}.dist-info"
        members = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        rows = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in members.items())
        members[f"{info}/RECORD"] = (rows + f"{info}/RECORD,,\n").encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, data in members.items():
                archive.writestr(path, data)
        path = folder / f"{name}-{version}-py3-none-any.whl"
        path.write_bytes(buffer.getvalue())
        return path

    return put


def _digest(data):
    return urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
