"""What goes to standard output and to stderr, none of it a command to a terminal or a CI runner.

Inputs that cannot be read are reported on stderr, and are no reason to stop. Large files have a
progress bar there, where it is a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from protolint.errors import FAILED
from protolint.shown import shown, without_commands

__all__ = ["Problems", "coloured", "progress_bar", "put", "warn"]

#: Files from this size on get a progress bar.
_LARGE = 100 << 20
_WIDTH = 30
_LONGEST = 100


class Problems:
    """The problems of one run, which decide its exit code."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def found(self) -> bool:
        """Whether there was any."""
        return bool(self.texts)

    def report(self, error: Exception) -> None:
        """Write on stderr what is wrong with an input."""
        self.texts.append(str(error))
        warn(str(error))

    def exit_code(self, code: int) -> int:
        """Return the exit code of the run: FAILED where some input could not be read."""
        return FAILED if self.found else code


def warn(text: str) -> None:
    """Write a remark on stderr."""
    print(f"protolint: {shown(text)}", file=sys.stderr, flush=True)


def put(text: str, *, err: bool = False) -> None:
    """Write lines for people on standard output, or on stderr."""
    (sys.stderr if err else sys.stdout).write(without_commands(text))


def coloured(choice: str, stream: TextIO | None = None) -> bool:
    """Whether to colour: as asked, by NO_COLOR and FORCE_COLOR, else for a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


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
