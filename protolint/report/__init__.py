"""Rendering reports, one module per output format."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from protolint.lint.file_report import FileReport

__all__ = ["DOCUMENTS", "FORMATS", "Renderer", "renderer"]

#: The output formats, the default first; each is a module of this package.
FORMATS = ("full", "concise", "grouped", "json", "sarif", "github", "gitlab", "junit")
#: Those that are one document, which a program must get even where no file could be read.
DOCUMENTS = frozenset({"json", "sarif", "gitlab", "junit"})

Renderer = Callable[[Sequence[FileReport], bool], str]


def renderer(name: str) -> Renderer:
    """Return the function that turns reports into text; its second argument asks for colour."""
    module = importlib.import_module(f"protolint.report.{'json_' if name == 'json' else name}")
    render: Renderer = module.render
    return render
