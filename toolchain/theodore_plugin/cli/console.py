"""Where human text goes: ``stdout`` for results, ``stderr`` for errors and progress.

Both consoles print text literally: no markup, no emoji codes, no automatic highlighting, because much
of what is printed was written by strangers. Style with ``style=`` or a :class:`rich.text.Text`, and pass
foreign text through :func:`visible` first. Colours appear on a terminal only (``NO_COLOR`` is obeyed).
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from theodore_plugin.report.visible import visible

__all__ = ["print_error", "print_problem", "stderr", "stdout", "visible"]

stdout = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
stderr = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_problem(message: str, *, help: str | None = None, rule: str | None = None) -> None:  # noqa: A002
    """Print ``error[rule]: message`` and ``help: …`` on stderr; foreign characters are made visible."""
    label = f"error[{rule}]" if rule else "error"
    stderr.print(Text.assemble((label, "bold red"), ": ", visible(message, keep_newlines=True)))
    if help:
        stderr.print(Text.assemble(("help", "bold cyan"), ": ", visible(help, keep_newlines=True)))


def print_error(problem: BaseException) -> None:
    """Print an exception the way the program does when it ends with it."""
    from theodore_plugin.cli.failure import problems

    for part in problems(problem):
        print_problem(part.message, help=part.help, rule=part.rule)
