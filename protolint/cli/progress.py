"""A progress bar on stderr, for large files, where stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from protolint.shown import shown

__all__ = ["progress_bar"]

#: Files from this size on get a progress bar.
_LARGE = 100 << 20
_WIDTH = 30
_LONGEST = 100


@contextmanager
def progress_bar(least: int = _LARGE) -> Iterator[Callable[[str, int, int], None] | None]:
    """Return what to call with a path, the bytes done and all bytes.

    None where nobody would see it.

    There is a bar where all is `least` or more. It is taken away at the end, whatever happened.
    """
    bar = _Bar(least) if sys.stderr.isatty() else None
    try:
        yield None if bar is None else bar.show
    finally:
        if bar is not None:
            bar.clear()


class _Bar:
    """What is drawn, and when it has to be drawn again."""

    def __init__(self, least: int) -> None:
        self.shown = ""
        self._least = least

    def show(self, path: str, done: int, total: int) -> None:
        """Draw the bar again where it looks different."""
        if total < self._least:
            return
        part = done / total
        full = int(part * _WIDTH)
        text = f"[{'#' * full}{'.' * (_WIDTH - full)}] {part:4.0%} {shown(path)}"[:_LONGEST]
        if text != self.shown:
            self.shown = text
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self.shown:
            self.shown = ""
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
