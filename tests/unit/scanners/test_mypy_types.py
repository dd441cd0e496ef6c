"""mypy sees the types dependencies publish (PEP 561), those of the lock alone, and says which are missing."""

import base64
import hashlib

import pytest

from theodore_loader.policy import Policy
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.mypy_types import published_types
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings

TYPED = {"client/__init__.py": "def fetch(url: str) -> bytes: ...\n", "client/py.typed": ""}
USE = "import client\n\nANSWER: int = client.fetch('x')\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch, mypy_base):
    """Begin where mypy knows the SDK already, and none of these projects; only time depends on it."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    mypy_base.give(tmp_path / "home")


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def install(site):
    """Lay a distribution out as an installer would."""

    def put(name, files, version="1.0", requires=()):
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        headers = "".join(f"Requires-Dist: {line}\n" for line in requires)
        files = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{headers}\n"}
        rows = []
        for path, text in files.items():
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
        (site / info / "RECORD").write_text("".join(rows) + f"{info}/RECORD,,\n")

    return put


@pytest.fixture
def context(write_project, site):
    """Return what a scanner is given for a project with these dependencies, or this lock."""

    def make(*dependencies, lock=None, source=USE, environment=True):
        named = ", ".join(f'"{name}"' for name in dependencies)
        pyproject = f'[project]\nname = "demo"\nversion = "1.0"\ndependencies = [{named}]\n'
        files = {"src/demo/__init__.py": source} | ({"pylock.toml": lock} if lock else {})
        project = PluginProject.open(write_project(files, pyproject))
        known = Environment.at(site) if environment else None
        return ScanContext(project, Settings(policy=Policy("any"), environment=known), 60.0)

    return make


def checked(context):
    with clean_tree(context.project) as tree:
        return MypyScanner().run(tree, context)


def rules(result):
    return [finding.rule for finding in result.findings]


def test_a_package_with_the_marker_is_typed(install, context):
    install("client", TYPED)
    result = checked(context("client"))
    assert rules(result) == ["mypy/assignment"]
    assert result.detail == "types of 1 of 1 dependencies"
    assert result.failures == ()


def test_a_package_without_the_marker_is_not_typed_and_named(install, context):
    install("client", {"client/__init__.py": TYPED["client/__init__.py"]})
    result = checked(context("client"))
    assert result.findings == ()
    assert result.detail == "types of 0 of 1 dependencies: client has none"


def test_what_is_installed_and_no_dependency_is_not_there(install, context):
    install("client", TYPED)
    install("other", {"other/__init__.py": "", "other/py.typed": ""})
    result = checked(context("other"))
    assert result.findings == ()
    assert published_types(context("other")).files.keys() == {"other/__init__.py"}


def test_what_a_dependency_requires_is_a_dependency_and_its_extras_are_not(install, context):
    install(
        "top", {"top/__init__.py": "from client import fetch as fetch\n", "top/py.typed": ""}, requires=["client>=1"]
    )
    install("client", TYPED, requires=["gone; extra == 'more'"])
    result = checked(context("top", source="import top\n\nANSWER: int = top.fetch('x')\n"))
    assert rules(result) == ["mypy/assignment"]
    assert result.detail == "types of 2 of 2 dependencies"


def test_without_an_environment_the_result_is_stated_as_reduced(install, context):
    install("client", TYPED)
    result = checked(context("client", environment=False))
    assert result.findings == ()
    assert result.detail == "types of other packages were not available"


def test_another_version_than_the_locked_one_is_not_used_and_said(install, context, lock):
    install("client", TYPED, version="1.0")
    result = checked(context("client", lock=lock(client="2.0")))
    assert result.findings == ()
    assert result.detail == "types of 0 of 1 dependencies: client is installed as 1.0, the lock says 2.0"


def test_only_the_lock_counts_where_there_is_one(install, context, lock):
    install("client", TYPED)
    install("other", {"other/__init__.py": "", "other/py.typed": ""})
    types = published_types(context("client", lock=lock(other="1.0", missing="3.0")))
    assert types.files.keys() == {"other/__init__.py"}
    assert types.detail == "types of 1 of 2 dependencies: missing is not installed"


def test_a_stub_package_gives_types_to_a_package_without_any(install, context):
    install("client", {"client/__init__.py": "def fetch(url): ...\n"})
    install("types-client", {"client-stubs/__init__.pyi": "def fetch(url: str) -> bytes: ...\n"})
    result = checked(context("client"))
    assert rules(result) == ["mypy/assignment"]
    assert result.detail == "types of 1 of 1 dependencies"


def test_stubs_are_stronger_than_what_the_package_says_of_itself(install, context):
    install("client", {**TYPED, "client/__init__.pyi": "def fetch(url: str) -> int: ...\n"})
    install("types-client", {"client-stubs/__init__.pyi": "def fetch(url: str) -> str: ...\n"})
    (finding,) = checked(context("client")).findings
    assert '"str"' in finding.message


def test_a_partial_stub_package_is_completed_from_the_package(install, context):
    inside = {
        "client/__init__.py": "",
        "client/a.py": "def a() -> bytes: ...\n",
        "client/b.py": "def b() -> int: ...\n",
    }
    install("client", inside)
    stubs = {"client-stubs/a.pyi": "def a() -> str: ...\n", "client-stubs/py.typed": "partial\n"}
    install("types-client", stubs)
    use = "from client.a import a\nfrom client.b import b\n\nA: int = a()\nB: str = b()\n"
    messages = [finding.message for finding in checked(context("client", source=use)).findings]
    assert len(messages) == 2
    assert '"str"' in messages[0]
    assert '"int"' in messages[1]


def test_a_stub_module_wins_over_a_package_of_that_name(install, context):
    install("client", {"client/__init__.py": "", "client/a/__init__.py": "A = 1\n", "client/py.typed": ""})
    install("types-client", {"client-stubs/__init__.pyi": "", "client-stubs/a.pyi": "A: str\n"})
    types = published_types(context("client"))
    assert set(types.files) == {"client/__init__.pyi", "client/a.pyi"}


def test_two_distributions_share_a_namespace(install, context):
    install("one", {"space/one/__init__.py": "ONE: str = ''\n", "space/one/py.typed": ""})
    install("two", {"space/two/__init__.py": "TWO: str = ''\n"})
    use = "from space.one import ONE\nfrom space.two import TWO\n\nA: int = ONE\nB: int = TWO\n"
    result = checked(context("one", "two", source=use))
    assert [finding.location.line for finding in result.findings] == [4]
    assert result.detail == "types of 1 of 2 dependencies: two has none"


def test_a_package_cannot_replace_the_standard_library_or_the_sdk(install, context):
    posing = {"json/__init__.py": "", "json/py.typed": "", "theodore_sdk/__init__.py": "", "theodore_sdk/py.typed": ""}
    install("client", {**TYPED, **posing})
    assert published_types(context("client")).files.keys() == {"client/__init__.py"}


def test_types_of_a_backport_come_with_mypy(install, context):
    install("typing-extensions", {"typing_extensions.py": ""})
    types = published_types(context("typing-extensions"))
    assert (types.files, types.detail) == ({}, "types of 1 of 1 dependencies")


def test_a_distribution_that_was_changed_since_gives_none(install, context, site):
    install("client", TYPED)
    (site / "client" / "__init__.py").write_text("def fetch(url: str) -> int: ...\n")
    result = checked(context("client"))
    assert result.findings == ()
    assert "client/__init__.py does not have the sha256 RECORD states" in result.detail


def test_a_link_out_of_the_environment_is_not_followed_to_other_contents(install, context, site, tmp_path):
    install("client", TYPED)
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET = 1\n")
    (site / "client" / "__init__.py").unlink()
    (site / "client" / "__init__.py").symlink_to(secret)
    types = published_types(context("client"))
    assert types.files == {}


def test_a_dependency_whose_source_stops_mypy_costs_its_types_not_the_check(install, context):
    install("client", {**TYPED, "client/__init__.py": "def (\n"})
    result = checked(context("client", source=f"{USE}\nX: int = 'x'\n"))
    assert result.failures == ()
    assert [finding.location.line for finding in result.findings] == [5]
    assert "types of other packages were not available: mypy stopped at client/__init__.py:1" in result.detail


def test_nothing_of_a_dependency_is_run(install, context, site, tmp_path):
    canary = tmp_path / "canary"
    code = f"open({str(canary)!r}, 'w').close()\n"
    install("client", {**TYPED, "client/hook.py": code, "client.pth": f"import client; {code}"})
    (site / "sitecustomize.py").write_text(code)
    (site / "mypy.ini").write_text("[mypy]\nplugins = client.hook\n")
    assert rules(checked(context("client"))) == ["mypy/assignment"]
    assert not canary.exists()


def test_the_fingerprint_changes_with_what_is_published(install, context):
    scanner = MypyScanner()
    install("client", TYPED)
    before = scanner.fingerprint(context("client"))
    assert before == scanner.fingerprint(context("client"))
    assert before != scanner.fingerprint(context("client", environment=False))
    install("client", {**TYPED, "client/__init__.py": "def fetch(url: str) -> int: ...\n"})
    assert before != scanner.fingerprint(context("client"))
