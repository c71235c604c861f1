"""Colour and links for terminals, and text as wide as a terminal shows it."""

from __future__ import annotations

import sys

from protolint.diagnostic import Severity

__all__ = ["Style", "coloured_diff", "width"]

_COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36;1"}


class Style:
    """Wraps text in ANSI codes, or leaves it alone.

    Codes of rules are links to their pages where there is colour and stdout is a terminal.
    """

    def __init__(self, colour: bool) -> None:
        self.colour = colour
        self.links = colour and sys.stdout.isatty()

    def _wrap(self, codes: str, text: str) -> str:
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and text else text

    def bold(self, text: str) -> str:
        """Text that stands out."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Text that steps back: line numbers and rulers."""
        return self._wrap("34", text)

    def note(self, text: str) -> str:
        """Text that names a remark."""
        return self.severity(Severity.INFO, text)

    def severity(self, severity: Severity, text: str) -> str:
        """Text in the colour of a severity."""
        return self._wrap(_COLOURS[severity], text) if self.colour else text

    def code(self, code: str) -> str:
        """Return the code of a rule, as a link where it has a page to link to."""
        if not self.links:
            return code
        from protolint.report.pages import page_url

        url = page_url(code)
        return code if url is None else f"\x1b]8;;{url}\x1b\\{code}\x1b]8;;\x1b\\"


def coloured_diff(text: str) -> str:
    """Return a unified diff with what goes in red, what comes in green, places in blue."""
    codes = {"+": "32", "-": "31", "@": "34"}
    lines = text.split("\n")
    return "\n".join(
        f"\x1b[{codes[line[0]]}m{line}\x1b[0m" if line[:1] in codes else line for line in lines
    )


def width(text: str) -> int:
    """How many columns a terminal gives the text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
