"""Where a finding is, as one word."""

from __future__ import annotations

from protolint.source import BinarySource, Source, Span

__all__ = ["place"]


def place(source: Source, span: Span, path: str | None = None) -> str:
    """Where a finding is, in a line: `path:line:column`, and the path alone for weights."""
    shown = source.path if path is None else path
    if isinstance(source, BinarySource):
        return shown
    line, column = source.position(span.start)
    return f"{shown}:{line}:{column}"
