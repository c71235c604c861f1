"""Text of an input, as it may reach a terminal or the log of a CI job.

A name in a net, a file's name and what another program printed may hold control characters,
which a terminal obeys, marks that turn the direction of writing, line ends, and the beginnings
of commands that a CI runner reads in a log: `::error::` begins a line for GitHub, `##[error]`
stands anywhere in one (actions/runner, src/Runner.Common/ActionCommand.cs), and so do
`##vso[` and `##teamcity[`. Every text for people goes through `shown`, every output as a whole
through `without_commands`, and JSON through `json_text`.
"""

from __future__ import annotations

import re

__all__ = ["json_text", "markup", "shown", "without_commands"]

_SHORT = {"\n": "\\n", "\r": "\\r"}
# Patterns, compiled when first needed: few texts hold what they look for.
#: A command that may stand anywhere in a line, and one that begins it; `::: ` names a place.
_COMMAND = r"#(?=#\w*\[)"
_FIRST = r"(?m)^(\s*):(?=:(?!: ))"
_UNUSUAL = r"[^\n -~]"


def shown(text: str) -> str:
    r"""Return a piece of a line: tabs as spaces, all that cannot be seen as `\x1b` or `\u202e`.

    A byte of a name that is no UTF-8 becomes `\xe9`.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _spelled(c) for c in text.expandtabs(4))
    return re.sub(_COMMAND, r"\\x23", text) if "##" in text else text


def without_commands(text: str) -> str:
    """Return lines of which none is a command to a CI runner; their ends and colours stay."""
    if "##" in text:
        text = re.sub(_COMMAND, r"\\x23", text)
    return re.sub(_FIRST, r"\1\\x3a", text) if "::" in text else text


def markup(text: str) -> str:
    """Return text as it may stand in HTML and XML: escaped, and without what neither can hold."""
    from html import escape

    fit = "".join(c if c.isprintable() or c == " " else "\ufffd" for c in text)
    return escape(fit)


def json_text(document: object, indent: int | None = 2, *, ascii: bool = False) -> str:
    """Return a document as JSON that is harmless on a terminal, and means the same.

    Letters stay readable unless `ascii`; raises ValueError for a number that is not finite.
    """
    import json

    text = json.dumps(document, indent=indent, ensure_ascii=ascii, allow_nan=False)
    text = re.sub(_UNUSUAL, _json_spelled, text)
    return text.replace("##", "#\\u0023") if "##" in text else text


def _spelled(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that was not UTF-8
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _json_spelled(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
