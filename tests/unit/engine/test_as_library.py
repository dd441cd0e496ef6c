from dataclasses import replace

from theodore_plugin.engine import run
from theodore_plugin.finding import Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Settings

CODE = (
    b"class Shelf:\n    def add(self, book: str) -> None: ...\n\n\n"
    b"class Locked(Shelf):\n    def add(self, book: int) -> None: ...\n"
)


def test_a_library_that_overrides_its_own_class_breaks_no_contract(settings):
    project = PluginProject.from_files(
        {"pyproject.toml": b'[project]\nname = "shelf"\nversion = "1"\n', "shelf.py": CODE}
    )
    asked: Settings = settings()
    as_plugin, as_library = (run(project, replace(asked, as_library=choice)) for choice in (False, True))
    assert [found.severity for found in as_plugin.findings if found.rule == "signature-mismatch"] == [Severity.ERROR]
    assert [found.severity for found in as_library.findings if found.rule == "mypy/override"] == [Severity.WARNING]
    assert not any(found.rule == "signature-mismatch" for found in as_library.findings)
