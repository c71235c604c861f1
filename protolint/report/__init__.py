"""Rendering reports, one module per output format."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from protolint.lint.file_report import FileReport
from protolint.record import NamedTuple

__all__ = ["DOCUMENTS", "FORMATS", "SHOW_EDITS", "Output", "Renderer", "renderer"]

#: The output formats, the default first; each is a module of this package.
FORMATS = ("full", "concise", "grouped", "json", "sarif", "github", "gitlab", "junit", "html")
#: Those that are one document, which a program must get even where no file could be read.
DOCUMENTS = frozenset({"json", "sarif", "gitlab", "junit", "html"})
#: Those that show what a fix changes; the others have its title.
SHOW_EDITS = frozenset({"json", "sarif"})


class Output(NamedTuple):
    """A report to write: its format, and the file it goes to."""

    format: str
    path: str


class Renderer(Protocol):
    """Turns reports into text; `colour` asks for colour, `errors` are inputs not read."""

    def __call__(
        self, reports: Sequence[FileReport], colour: bool, _errors: Sequence[str] = (), /
    ) -> str:
        """Return the text, which ends with a line end."""


def renderer(name: str) -> Renderer:
    """Return the function that turns reports into text."""
    module = importlib.import_module(f"protolint.report.{'json_' if name == 'json' else name}")
    render: Renderer = module.render
    return render
