import hashlib
import json
import os

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.distributions import Environment

CODE = {"parcel/__init__.py": b"VALUE = 1\n", "parcel/deep/tool.py": b"import os\n", "parcel/my-script.py": b"pass\n"}


def reasons(distribution):
    return {gap.path: gap.reason for gap in distribution.unreadable()}


def test_files_carry_their_import_names(site, install):
    install("parcel", "1.0", CODE)
    found = Environment(site).distribution("Parcel")
    assert {file.path: file.module for file in found.files()} == {
        "parcel/__init__.py": "parcel",
        "parcel/deep/tool.py": "parcel.deep.tool",
        "parcel/my-script.py": None,
    }
    assert found.modules["parcel"] == "parcel/__init__.py"
    assert found.roots == ("parcel",)
    assert (found.name, found.version, found.unreadable()) == ("parcel", "1.0", ())


def test_the_digest_is_that_of_record(site, install):
    info = install("parcel", "1.0", CODE)
    assert Environment(site).distribution("parcel").digest == hashlib.sha256((info / "RECORD").read_bytes()).hexdigest()


def test_a_file_changed_after_the_installation_is_unreadable_and_the_others_are_read(site, install):
    install("parcel", "1.0", CODE)
    (site / "parcel" / "deep" / "tool.py").write_bytes(b"import socket\n")
    found = Environment(site).distribution("parcel")
    assert "changed after the installation" in reasons(found)["parcel/deep/tool.py"]
    assert len(found.files()) == 2


def test_a_file_added_to_the_package_is_reported(site, install):
    install("parcel", "1.0", CODE)
    (site / "parcel" / "evil.py").write_bytes(b"import socket\n")
    assert "RECORD does not know it" in reasons(Environment(site).distribution("parcel"))["parcel/evil.py"]


def test_without_record_nothing_is_believed(site, install):
    info = install("parcel", "1.0", CODE)
    (info / "RECORD").unlink()
    found = Environment(site).distribution("parcel")
    assert found.files() == ()
    assert "parcel-1.0.dist-info/RECORD" in reasons(found)


@pytest.mark.parametrize(
    "row",
    ["../outside.py,sha256=AAAA,1", "/etc/passwd.py,,", "parcel/../../x.py,,", "C:/x.py,,", "..\\x.py,,"],
)
def test_rows_that_lead_out_are_not_read(site, install, row):
    info = install("parcel", "1.0", CODE)
    (site.parent / "outside.py").write_bytes(b"import socket\n")
    (info / "RECORD").write_text((info / "RECORD").read_text() + row + "\n")
    assert all(path.startswith("parcel/") for path in Environment(site).distribution("parcel").python_files)


@pytest.mark.parametrize(
    "record",
    [b"\xff\xfe,,\n", b'"unclosed,,\n', b"one,two\n", b"parcel/__init__.py,md5=abc,1\n", b"parcel/__init__.py,,\n"],
)
def test_a_record_that_cannot_be_believed_is_said(site, install, record):
    info = install("parcel", "1.0", CODE)
    (info / "RECORD").write_bytes(record)
    found = Environment(site).distribution("parcel")
    assert found.files() == ()
    assert found.unreadable()


def test_two_rows_with_different_digests_are_believed_neither(site, install):
    info = install("parcel", "1.0", CODE)
    (info / "RECORD").write_text((info / "RECORD").read_text() + "parcel/__init__.py,sha256=AAAA,1\n")
    assert "parcel/__init__.py" in reasons(Environment(site).distribution("parcel"))


def test_what_is_no_regular_file_is_not_waited_for(site, install):
    install("parcel", "1.0", CODE)
    path = site / "parcel" / "deep" / "tool.py"
    path.unlink()
    os.mkfifo(path)
    assert reasons(Environment(site).distribution("parcel"))["parcel/deep/tool.py"] == "not a regular file"


def test_a_link_is_read_if_its_content_is_what_record_says(site, install, tmp_path):
    install("parcel", "1.0", CODE)
    path = site / "parcel" / "deep" / "tool.py"
    path.rename(tmp_path / "store.py")
    path.symlink_to(tmp_path / "store.py")
    assert reasons(Environment(site).distribution("parcel")) == {}


def test_a_file_too_large_to_be_code_is_unreadable(site, install, monkeypatch):
    monkeypatch.setattr("theodore_plugin.distributions.installed.MAX_FILE_BYTES", 9)
    install("parcel", "1.0", CODE)
    assert "larger than" in reasons(Environment(site).distribution("parcel"))["parcel/__init__.py"]


def test_requirements_are_those_that_hold_here(site, install):
    requires = (
        "Idna_X>=2; python_version >= '3'",
        "winthing; sys_platform == 'no-such'",
        "extra-thing; extra == 'x'",
        "old (>=1",
    )
    install("parcel", "1.0", CODE, requires)
    assert Environment(site).distribution("parcel").requires == ("idna-x", "old")


def test_requirements_are_asked_for_the_python_of_the_environment(tmp_path, install, site):
    install("parcel", "1.0", CODE, ("backport; python_version < '3.12'",))
    other = site.parent.parent / "python3.13" / "site-packages"
    other.parent.mkdir()
    site.rename(other)
    assert Environment(other).distribution("parcel").requires == ()


def test_a_start_up_file_that_runs_code_is_a_hook_and_its_code_is_read(site, install):
    hook = b"/some/folder\nimport os; os.system('x')\n"
    install("parcel", "1.0", CODE | {"parcel.pth": hook, "plain.pth": b"/only/a/folder\n"})
    found = Environment(site).distribution("parcel")
    assert found.startup_hooks == ("parcel.pth",)
    assert {file.path: file.data for file in found.files()}["parcel.pth"] == b"\nimport os; os.system('x')\n"


def test_machine_code_is_listed_with_its_import_name(site, install):
    install("parcel", "1.0", CODE | {"parcel/_fast.cpython-311-x86_64-linux-gnu.so": b"\x7fELF"})
    found = Environment(site).distribution("parcel")
    assert found.native == ("parcel/_fast.cpython-311-x86_64-linux-gnu.so",)
    assert found.native_modules == {"parcel._fast"}


def test_owner_knows_packages_modules_and_portions_of_namespaces(site, install):
    install("parcel", "1.0", CODE)
    install("single-file", "1.0", {"single.py": b""})
    install("ns-one", "1.0", {"ns/one/__init__.py": b""})
    install("ns-two", "1.0", {"ns/two.py": b""})
    environment = Environment(site)
    owners = {
        name: str(environment.owner(name)) for name in ("parcel.deep.tool", "single", "ns.one.x", "ns.two", "ns", "os")
    }
    assert owners == {
        "parcel.deep.tool": "parcel 1.0",
        "single": "single-file 1.0",
        "ns.one.x": "ns-one 1.0",
        "ns.two": "ns-two 1.0",
        "ns": "None",
        "os": "None",
    }


def test_a_package_that_is_not_its_distributions_name_is_not_confused_with_it(site, install):
    install("yaml", "1.0", {"other/__init__.py": b""})
    install("pyyaml", "1.0", {"yaml/__init__.py": b""})
    assert str(Environment(site).owner("yaml")) == "pyyaml 1.0"


def test_two_versions_side_by_side_are_said(site, install):
    install("parcel", "1.0", CODE)
    install("parcel", "2.0", CODE)
    found = Environment(site).distribution("parcel")
    assert any("installed 2 times" in gap.reason for gap in found.gaps)


def test_an_editable_installation_is_read_where_it_lies(site, install, tmp_path):
    source = tmp_path / "work" / "src"
    (source / "parcel").mkdir(parents=True)
    (source / "parcel" / "__init__.py").write_bytes(b"import socket\n")
    info = install("parcel", "1.0", {"_parcel.pth": f"{source}\n".encode()}, ("idna",))
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    environment = Environment(site)
    found = environment.distribution("parcel")
    assert [(file.module, file.data) for file in found.files()] == [("parcel", b"import socket\n")]
    assert found.requires == ("idna",)
    assert str(environment.owner("parcel")) == "parcel 1.0"
    before = found.digest
    (source / "parcel" / "__init__.py").write_bytes(b"import os\n")
    assert Environment(site).distribution("parcel").digest != before


def test_an_editable_installation_by_a_finder_is_read_as_data(site, install, tmp_path):
    source = tmp_path / "work" / "parcel"
    source.mkdir(parents=True)
    (source / "__init__.py").write_bytes(b"")
    finder = f"raise SystemExit\nMAPPING: dict[str, str] = {{'parcel': {str(source)!r}}}\n".encode()
    files = {"__editable___parcel_1_0_finder.py": finder, "__editable__.parcel-1.0.pth": b"import x; x.install()\n"}
    info = install("parcel", "1.0", files)
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    assert [file.module for file in Environment(site).distribution("parcel").files()] == ["parcel"]


def test_an_editable_installation_without_its_sources_is_said(site, install):
    info = install("parcel", "1.0", {"_parcel.pth": b"/no/such/folder\n"})
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    assert Environment(site).distribution("parcel").unreadable()


def test_an_environment_is_found_from_its_root_and_from_its_import_folder(site, install, tmp_path):
    install("parcel", "1.0", CODE)
    assert Environment.at(tmp_path).names() == Environment.at(site).names() == ("parcel",)
    with pytest.raises(ConfigurationProblem):
        Environment.at(tmp_path / "lib")


def test_the_fingerprint_follows_installations(site, install):
    install("parcel", "1.0", CODE)
    before = Environment(site).fingerprint()
    assert Environment(site).fingerprint() == before
    install("more", "1.0", {"more.py": b""})
    assert Environment(site).fingerprint() != before


def test_every_distribution_of_the_running_environment_agrees_with_its_record():
    environment = Environment.running()
    assert "pytest" in environment.names()
    found = environment.distribution("pytest")
    assert found.files()
    assert found.unreadable() == ()
    assert str(environment.owner("_pytest.python")) == str(found)
