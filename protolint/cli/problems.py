"""Inputs that cannot be read: reported on stderr, and no reason to stop."""

from __future__ import annotations

import click

__all__ = ["Problems", "warn"]


class Problems:
    """The problems of one run, which decide its exit code."""

    def __init__(self) -> None:
        self.found = False

    def report(self, error: Exception) -> None:
        """Write on stderr what is wrong with an input."""
        self.found = True
        warn(str(error))

    def exit_code(self, code: int) -> int:
        """Return the exit code of the run: 2 where some input could not be read."""
        return 2 if self.found else code


def warn(text: str) -> None:
    """Write a remark on stderr."""
    click.echo(f"protolint: {text}", err=True)
