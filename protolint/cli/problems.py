"""What goes to standard output and to stderr, none of it a command to a terminal or a CI runner.

Inputs that cannot be read are reported on stderr, and are no reason to stop.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from protolint.errors import FAILED
from protolint.shown import shown, without_commands

__all__ = ["Problems", "coloured", "put", "warn"]


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
