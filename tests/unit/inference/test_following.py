"""Dependencies: what is reached through them, with the way there; what is kept, and what is not trusted."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from theodore_plugin.distributions.environment import Environment
from theodore_plugin.facts.lowering import lower_all
from theodore_plugin.facts.names import Names
from theodore_plugin.inference import Inference, Phase
from theodore_plugin.inference.capabilities import shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.summaries.follow import Followed, follow
from theodore_plugin.inference.summaries.store import SummaryStore
from theodore_plugin.project import SourceFile
from theodore_plugin.store.catalogue import MIB
from theodore_plugin.store.store import Store


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def install(site: Path, name: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> None:
    """Put a distribution where imports look, the way an installer would."""
    rows = []
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}", encoding="utf-8")
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,", ""]), encoding="utf-8")


def names_of(code: str) -> Names:
    facts, failures = lower_all([SourceFile.of("own/main.py", "own.main", code.encode())])
    assert not failures
    return Names({str(module.module): module for module in facts.values()})


def followed(code: str, site: Path, store: SummaryStore | None = None) -> tuple[Followed, Inference]:
    names = names_of(code)
    found = follow(names, shipped_map(), Environment(site), store)
    return found, infer(names, found.knowledge, [])


def acts(inference: Inference, permission: str) -> list[tuple[str, str | None, str | None]]:
    return [
        (item.access, item.target, item.through)
        for item in inference.permissions
        if item.permission.value == permission
    ]


def test_the_way_inside_a_dependency_is_evidence(site: Path) -> None:
    install(site, "acme", {"acme/__init__.py": "from acme.core import sync\n", "acme/core.py": CORE})
    _, inference = followed("import acme\n\ndef run():\n    acme.sync()\n", site)
    [found] = [item for item in inference.permissions if item.permission.value == "subprocess"]
    assert (found.target, found.through, found.phase) == ("git", "acme", Phase.CALL)
    assert [step.label for step in found.within] == ["sync calls _run", "calls subprocess.run"]
    assert [step.location.path for step in found.within] == ["acme/core.py", "acme/core.py"]
    assert found.location.path == "own/main.py"


CORE = "import subprocess\n\n\ndef sync():\n    _run()\n\n\ndef _run():\n    subprocess.run(['git', 'status'])\n"


def test_an_effect_is_carried_through_a_dependency_of_a_dependency(site: Path) -> None:
    install(site, "inner", {"inner.py": "import os\n\n\ndef key():\n    return os.environ['INNER_KEY']\n"})
    install(site, "outer", {"outer.py": "import inner\n\n\nclass Client:\n    key = inner.key()\n"}, ("inner",))
    found, inference = followed("import outer\n\ndef run():\n    return outer.Client().key\n", site)
    assert sorted(found.distributions) == ["inner", "outer"]
    assert ("read", "INNER_KEY", "outer") in acts(inference, "environment")


def test_what_is_not_required_is_not_followed_and_stays_unknown(site: Path) -> None:
    install(site, "extra", {"extra.py": "import os\n\n\ndef run():\n    os.system('id')\n"})
    install(site, "acme", {"acme.py": "import extra\n\n\ndef run():\n    extra.run()\n"})
    found, _ = followed("import acme\n\ndef run():\n    acme.run()\n", site)
    assert sorted(found.distributions) == ["acme"]


def test_a_library_that_is_not_installed_is_unknown(site: Path) -> None:
    _, inference = followed("import nowhere_to_be_found\n", site)
    assert [item.reason for item in inference.unknown] == ["nowhere_to_be_found is not in the capability map"]


def test_two_distributions_that_import_each_other_come_to_an_end(site: Path) -> None:
    one = "import two\n\n\ndef run():\n    two.run()\n"
    install(site, "one", {"one.py": one}, ("two",))
    install(site, "two", {"two.py": "import one, os\n\n\ndef run():\n    os.system('id')\n    one.run()\n"}, ("one",))
    _, inference = followed("import one\n\ndef run():\n    one.run()\n", site)
    assert ("run", "sh", "one") in acts(inference, "subprocess")


def test_a_file_that_cannot_be_analysed_is_said_of_its_dependency(site: Path) -> None:
    install(site, "acme", {"acme/__init__.py": "", "acme/broken.py": "def (:\n"})
    found, inference = followed("import acme\n", site)
    assert [path for path, _ in found.gaps["acme"]] == ["acme/broken.py"]
    assert [item.reason for item in inference.unknown] == ["1 files of acme could not be analysed"]


def test_a_dependency_changed_behind_its_record_is_not_taken_for_what_it_was(site: Path) -> None:
    install(site, "acme", {"acme.py": "def run():\n    return 1\n"})
    (site / "acme.py").write_text("import os\n\n\ndef run():\n    os.system('id')\n", encoding="utf-8")
    found, _ = followed("import acme\n\ndef run():\n    acme.run()\n", site)
    assert found.gaps["acme"]


def test_a_kept_summary_gives_the_same_answer(site: Path, tmp_path: Path) -> None:
    install(site, "acme", {"acme/__init__.py": "from acme.core import sync\n", "acme/core.py": CORE})
    store = SummaryStore(Store(tmp_path / "store", MIB))
    code = "import acme\n\ndef run():\n    acme.sync()\n"
    _, fresh = followed(code, site, store)
    assert len(list(store.store.entries())) == 2  # head and summary
    _, kept = followed(code, site, store)
    assert kept.permissions == fresh.permissions


@pytest.mark.parametrize("damage", [b"", b"\0" * 10, None], ids=["empty", "garbage", "flipped"])
def test_a_damaged_summary_is_made_again(site: Path, tmp_path: Path, damage: bytes | None) -> None:
    install(site, "acme", {"acme/__init__.py": "from acme.core import sync\n", "acme/core.py": CORE})
    store = SummaryStore(Store(tmp_path / "store", MIB))
    code = "import acme\n\ndef run():\n    acme.sync()\n"
    _, fresh = followed(code, site, store)
    for entry in (Path(found.path) for found in store.store.entries()):
        data = entry.read_bytes()
        entry.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damage is None else damage)
    _, again = followed(code, site, store)
    assert again.permissions == fresh.permissions


def test_a_store_that_cannot_be_written_costs_nothing_but_time(site: Path, tmp_path: Path) -> None:
    install(site, "acme", {"acme.py": CORE})
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    store = SummaryStore(Store(tmp_path / "file", MIB))
    _, inference = followed("import acme\n\ndef run():\n    acme.sync()\n", site, store)
    assert acts(inference, "subprocess")


def test_machine_code_of_what_a_dependency_requires_is_said_at_the_import(site: Path) -> None:
    install(site, "fast", {"fast/__init__.py": "", "fast/core.cpython-311-x86_64-linux-gnu.so": "\x7fELF"})
    install(site, "acme", {"acme.py": "import fast\n"}, ("fast",))
    _, inference = followed("import acme\n", site)
    [found] = [item for item in inference.permissions if item.permission.value == "native"]
    assert (found.phase, found.through, found.within[0].label) == (Phase.IMPORT, "acme", "machine code of fast")


def test_what_a_client_looks_up_for_itself_is_shown_and_asked_of_nobody() -> None:
    inference = infer(
        names_of("import requests\n\ndef run():\n    requests.get('https://a.example')\n"), shipped_map(), []
    )
    [found] = [item for item in inference.permissions if item.permission.value == "environment"]
    assert (found.through, found.acts) == ("requests", False)
    assert [step.label for step in found.within] == ["requests looks it up for itself"]
