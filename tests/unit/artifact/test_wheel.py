"""What a plugin's wheel may hold, who it says it is, and that RECORD tells the truth about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from theodore_loader.artifact.wheel import Wheel, read_dependency_wheel
from theodore_loader.errors import InvalidWheel, Refused
from theodore_loader.manifest import Manifest, to_json
from theodore_sdk.info import PermissionType, PluginCategory, PluginInfo, PluginPermission, PluginResourceLimits
from theodore_sdk.versions import VersionRange

ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PE = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0"
MACH_O = bytes.fromhex("cffaedfe") + bytes(28)


def refused(data: bytes, filename: str, reader=Wheel.read) -> InvalidWheel:
    with pytest.raises(InvalidWheel) as caught:
        reader(data, filename)
    assert caught.value.help
    return caught.value


def manifest(*permissions: PluginPermission) -> bytes:
    info = PluginInfo(
        name="acme-hello",
        version="1.2.0",
        description="Says hello.",
        author="Acme",
        email="acme@example.com",
        homepage="https://example.com",
        license="Apache-2.0",
        category=PluginCategory.SCRAPER,
        interfaces=["ScraperPlugin"],
        dependencies=[],
        compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
        min_python_version="3.11",
        max_python_version=None,
        required_packages=[],
        optional_packages=[],
        configuration_schema={},
        permissions=list(permissions),
        resource_limits=PluginResourceLimits(),
        tags=[],
    )
    return to_json(Manifest(info, "acme_hello:Hello"))


def test_a_good_wheel(kit):
    wheel = Wheel.read(kit.bytes({f"{kit.dist_info}/pylock.toml": b"locked"}), kit.filename)
    assert (wheel.name, wheel.version, wheel.dist_info) == ("acme-hello", "1.2.0", "acme_hello-1.2.0.dist-info")
    assert wheel.entries["acme_hello/__init__.py"] == b"GREETING = 'hello'\n"
    assert wheel.lock == b"locked"
    assert wheel.native_files == ()


def test_the_digest_is_of_the_file(kit):
    import hashlib

    data = kit.bytes()
    wheel = Wheel.read(data, kit.filename)
    assert wheel.sha256 == hashlib.sha256(data).hexdigest()
    assert wheel.data is data


def test_entries_cannot_be_changed(kit):
    wheel = Wheel.read(kit.bytes(), kit.filename)
    with pytest.raises(TypeError):
        wheel.entries["acme_hello/__init__.py"] = b"evil"


def test_a_wheel_without_manifest_is_no_packaged_plugin(kit):
    wheel = Wheel.read(kit.bytes(), kit.filename)
    assert wheel.lock is None
    with pytest.raises(Refused) as caught:
        _ = wheel.manifest
    assert caught.value.rule == "manifest-missing"


def test_the_manifest_is_read_from_dist_info(kit):
    data = kit.bytes({f"{kit.dist_info}/theodore-plugin.json": manifest()})
    assert Wheel.read(data, kit.filename).manifest.entry_point == "acme_hello:Hello"


@pytest.mark.parametrize(
    "filename",
    [
        "acme.zip",
        "acme.whl",
        "acme_hello-1.2.0.whl",
        "acme_hello-nonsense-py3-none-any.whl",
        "",
        "../../x",
        "a-b-c-d-e-f-g.whl",
        f"acme_hello-{'9' * 5000}-py3-none-any.whl",
    ],
)
def test_names_that_no_wheel_has(kit, filename):
    assert refused(kit.bytes(), filename).rule == "not-a-wheel"


def test_a_file_name_that_stands_for_a_million_tags(kit):
    parts = ".".join(f"p{i}" for i in range(100))
    assert refused(kit.bytes(), f"acme_hello-1.2.0-{parts}-{parts}-{parts}.whl").rule == "not-a-wheel"


@pytest.mark.parametrize("filename", ["other-1.2.0-py3-none-any.whl", "acme_hello-1.3.0-py3-none-any.whl"])
def test_a_renamed_wheel(kit, filename):
    assert refused(kit.bytes(), filename).rule == "metadata-drift"


def test_a_wheel_retagged_by_renaming(kit):
    assert refused(kit.bytes(), "acme_hello-1.2.0-py2-none-any.whl").rule == "platform-tag-wrong"


@pytest.mark.parametrize(
    ("metadata", "rule"),
    [
        (b"Name: other\nVersion: 1.2.0\n", "metadata-drift"),
        (b"Name: acme-hello\nVersion: 9\n", "metadata-drift"),
        (b"Name: acme-hello\nVersion: banana\n", "metadata-drift"),
        (b"Name: acme-hello\nVersion: " + b"9" * 5000 + b"\n", "metadata-drift"),
        (b"Name: acme-hello\n", "not-a-wheel"),
        (b"Name: acme-hello\nName: other\nVersion: 1.2.0\n", "not-a-wheel"),
        (b"\n\nName: acme-hello\nVersion: 1.2.0\n", "not-a-wheel"),
        (b"", "not-a-wheel"),
        (b"Name: \xff\n", "not-a-wheel"),
    ],
)
def test_metadata_that_tells_another_story(kit, metadata, rule):
    assert refused(kit.bytes({f"{kit.dist_info}/METADATA": metadata}), kit.filename).rule == rule


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: maybe\nTag: py3-none-any\n",
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: nonsense\n",
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: " + b".".join([b"p"] * 500) + b"-none-any\n",
    ],
)
def test_a_wheel_file_of_no_known_form(kit, content):
    assert refused(kit.bytes({f"{kit.dist_info}/WHEEL": content}), kit.filename).rule == "not-a-wheel"


def test_a_wheel_without_metadata(kit, raw_zip):
    for missing in ("METADATA", "WHEEL"):
        entries = [e for e in kit.entries() if not e.name.endswith(missing.encode())]
        assert refused(raw_zip(entries), kit.filename).rule == "not-a-wheel"


@pytest.mark.parametrize("extra", ["other-1.dist-info/METADATA", "acme_hello.egg-info/PKG-INFO", "X.DIST-INFO/y"])
def test_two_identities_in_one_wheel(kit, extra):
    assert refused(kit.bytes({extra: b""}), kit.filename).rule == "not-a-wheel"


def test_an_empty_archive(kit, raw_zip):
    assert refused(raw_zip([]), kit.filename).rule == "not-a-wheel"


def test_a_file_added_after_the_build(kit, raw_zip, raw_entry):
    data = raw_zip([*kit.entries(), raw_entry(b"acme_hello/extra.py", b"import os\n")])
    caught = refused(data, kit.filename)
    assert (caught.rule, "acme_hello/extra.py" in caught.message) == ("record-mismatch", True)


def test_a_file_removed_after_the_build(kit, raw_zip):
    assert refused(raw_zip(kit.entries()[1:]), kit.filename).rule == "record-mismatch"


def test_a_file_changed_after_the_build(kit, raw_zip):
    first, *rest = kit.entries()
    caught = refused(raw_zip([replace(first, content=b"GREETING = 'hullo'\n"), *rest]), kit.filename)
    assert (caught.rule, "acme_hello/__init__.py" in caught.message) == ("record-mismatch", True)


def good_record(kit) -> str:
    return kit.files()[f"{kit.dist_info}/RECORD"].decode()


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: "",
        lambda record: record + "ghost.py,sha256=x,1\n",
        lambda record: record + record.splitlines()[0] + "\n",
        lambda record: record.replace("sha256=", "md5="),
        lambda record: record.replace("sha256=", ""),
        lambda record: record.replace(",19\n", ",20\n"),
        lambda record: record.replace(",19\n", ",\n"),
        lambda record: record.replace(",19\n", ",019\n"),
        lambda record: record.replace(",19\n", ",19,\n"),
        lambda record: record.replace("RECORD,,", "RECORD,sha256=x,1"),
        lambda record: record.replace("acme_hello/__init__.py", "./acme_hello/__init__.py"),
        lambda record: record.replace("acme_hello/__init__.py", '"acme_hello/__init__.py'),
        lambda record: record + "x" * 200_000 + ",,\n",
        lambda record: record + "\0,,\n",
    ],
)  # fmt: skip
def test_a_record_that_is_not_true(kit, edit):
    edited = edit(good_record(kit))
    assert edited != good_record(kit)
    assert refused(kit.bytes(record=edited.encode()), kit.filename).rule == "record-mismatch"


def test_a_record_that_is_not_text(kit):
    assert refused(kit.bytes(record=b"\xff\xfe,,\n"), kit.filename).rule == "record-mismatch"


def test_a_wheel_without_record(kit, raw_zip):
    assert refused(raw_zip(kit.entries()[:-1]), kit.filename).rule == "record-mismatch"


@pytest.mark.parametrize(
    "name",
    [
        "acme.pth",
        "ACME.PTH",
        "acme.start",
        "sitecustomize.py",
        "SiteCustomize.py",
        "usercustomize/__init__.py",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        "acme_hello-1.2.0.data/scripts/acme",
        "acme_hello-1.2.0.data/purelib/acme_hello/evil.py",
        "acme_hello-1.2.0.data/data/etc/cron.d/acme",
        "other.data/headers/x.h",
    ],
)
def test_start_up_hooks(kit, name):
    assert refused(kit.bytes({name: b"import os\n"}), kit.filename).rule == "startup-hook-in-wheel"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("acme_hello/__pycache__/x.cpython-311.pyc", b"\xa7"),
        ("acme_hello/secret.pyc", b"\xa7"),
        ("acme_hello/.env", b"TOKEN=1"),
        ("acme_hello/.env.production", b"TOKEN=1"),
        ("acme_hello/.git/config", b""),
        ("acme_hello/.idea/workspace.xml", b""),
        ("acme_hello/id_rsa", b""),
        ("acme_hello/server.key", b""),
        ("acme_hello/notes.txt", b"-----BEGIN RSA PRIVATE KEY-----\n"),
        ("acme_hello/more.whl", b""),
        ("acme_hello/More.TAR.GZ", b""),
    ],
)
def test_files_that_do_not_belong(kit, name, content):
    assert refused(kit.bytes({name: content}), kit.filename).rule == "unexpected-file"


@pytest.mark.parametrize("name", ["tests/test_x.py", "other.py", "README.md", "json/__init__.py", "theodore_sdk/x.py"])
def test_more_than_the_plugin_s_package(kit, name):
    caught = refused(kit.bytes({name: b""}), kit.filename)
    assert (caught.rule, name.partition("/")[0].partition(".")[0] in caught.message) == ("top-level-pollution", True)


@pytest.mark.parametrize("top", ["json", "theodore_loader", "not-importable"])
def test_one_package_with_a_name_it_may_not_have(kit, raw_zip, raw_entry, top):
    files = kit.files()
    files[f"{top}/__init__.py"] = files.pop("acme_hello/__init__.py")
    record = good_record(kit).replace("acme_hello/__init__.py", f"{top}/__init__.py").encode()
    files[f"{kit.dist_info}/RECORD"] = record
    data = raw_zip([raw_entry(name.encode(), content) for name, content in files.items()])
    assert refused(data, kit.filename).rule == "top-level-pollution"


@pytest.mark.parametrize("code", [ELF, PE, MACH_O, bytes.fromhex("cafebabe") + bytes(8)])
def test_machine_code_under_any_name(kit, code):
    assert refused(kit.bytes({"acme_hello/logo.png": code}), kit.filename).rule == "undeclared-native-binary"


def test_text_that_begins_like_a_program_is_text(kit):
    wheel = Wheel.read(
        kit.bytes({"acme_hello/names.txt": b"MZ is a pair of letters, and this goes on for a while ..."}), kit.filename
    )
    assert wheel.native_files == ()


def test_machine_code_that_the_manifest_asks_for(kit):
    native = replace(kit, tag="cp311-cp311-manylinux_2_28_x86_64")
    asked = manifest(PluginPermission(PermissionType.NATIVE, "fast parser"))
    extra = {"acme_hello/fast.so": ELF, f"{kit.dist_info}/theodore-plugin.json": asked}
    assert Wheel.read(native.bytes(extra), native.filename).native_files == ("acme_hello/fast.so",)
    assert refused(kit.bytes(extra), kit.filename).rule == "platform-tag-wrong"


def test_machine_code_beside_a_manifest_that_does_not_ask(kit):
    extra = {"acme_hello/fast.so": ELF, f"{kit.dist_info}/theodore-plugin.json": manifest()}
    assert refused(kit.bytes(extra), kit.filename).rule == "undeclared-native-binary"


def test_machine_code_beside_a_broken_manifest(kit):
    extra = {"acme_hello/fast.so": ELF, f"{kit.dist_info}/theodore-plugin.json": b"{"}
    assert refused(kit.bytes(extra), kit.filename).rule == "manifest-invalid"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("x.pth", "startup-hook-in-wheel"),
        ("sitecustomize.py", "startup-hook-in-wheel"),
        ("acme_hello-1.2.0.data/purelib/json.py", "startup-hook-in-wheel"),
        ("acme_hello/only.pyc", "unexpected-file"),
        ("json.py", "unclean-dependency-wheel"),
        ("theodore_sdk/__init__.py", "unclean-dependency-wheel"),
        ("typing.cpython-311-x86_64-linux-gnu.so", "unclean-dependency-wheel"),
        ("../up", "unsafe-archive-entry"),
    ],
)
def test_what_a_dependency_may_not_bring(kit, name, rule):
    assert refused(kit.bytes({name: b""}), kit.filename, read_dependency_wheel).rule == rule


def test_what_a_dependency_may_bring(kit):
    extra = {
        "second_package/__init__.py": b"",
        "second_package/fast.so": ELF,
        "second_package/cacert.pem": b"-----BEGIN CERTIFICATE-----",
        "acme_hello-1.2.0.data/scripts/tool": b"#!python\n",
        "acme_hello/__pycache__/x.cpython-311.pyc": b"\xa7",
    }
    assert read_dependency_wheel(kit.bytes(extra), kit.filename).native_files == ("second_package/fast.so",)


def test_a_dependency_keeps_its_record_too(kit, raw_zip, raw_entry):
    data = raw_zip([*kit.entries(), raw_entry(b"extra.py", b"1")])
    assert refused(data, kit.filename, read_dependency_wheel).rule == "record-mismatch"
