"""What the tokens of text format mean, as protobuf's C++ parser reads them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BAD", "integer", "quoted", "real"]

# The patterns are compiled when first needed; most values are read without one.

#: What `quoted` gives for text that is no string; compared by identity.
BAD: Final = bytes(bytearray(b"\0bad"))

_INTEGER = r"-?(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))"
_REAL = r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?"
_PIECE = r"\"([^\"\\]*(?:\\.[^\"\\]*)*)\"|'([^'\\]*(?:\\.[^'\\]*)*)'"
#: A head surrogate in its short or long form takes along a trail in its short form
#: (FetchUnicodePoint in src/google/protobuf/io/tokenizer.cc @ v3.21).
_HIGH = r"(?:u|U0000)([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
_ESCAPE = (
    rf"\\(?:([0-7]{{1,3}})|x([0-9a-fA-F]{{1,2}})|{_HIGH}"
    r"|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))"
)
#: Above it nothing is a code point, and C++ keeps the escape as it stands (AppendUTF8, the same
#: file).
_LAST_CODE_POINT = 0x10FFFF
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def integer(raw: str) -> int | None:
    """Return a whole number in decimal, hexadecimal (0x) or octal (0) form, else None."""
    if raw.isdecimal() and raw[0] != "0" and len(raw) < 20:
        return int(raw)
    match = re.fullmatch(_INTEGER, raw)
    if match is None:
        return None
    hexadecimal, octal, decimal = match.groups()
    if hexadecimal:
        number = int(hexadecimal, 16)
    elif decimal:
        # Python refuses to read thousands of digits; no field holds so many.
        number = int(decimal) if len(decimal) < 40 else 1 << 128
    else:
        number = int(octal or "0", 8)
    return -number if raw.startswith("-") else number


def real(raw: str) -> float | None:
    """Return a float: decimal with an optional `f`, or inf, infinity, nan; else None."""
    if re.fullmatch(_REAL, raw):
        return float(raw.rstrip("fF"))
    word = raw.removeprefix("-").lower()
    if word in ("inf", "infinity", "nan"):
        return float(raw)
    return None


def quoted(raw: str) -> bytes:
    """Return the bytes of one or more adjacent string tokens; `BAD` for anything else.

    `raw` has one character per byte.
    """
    if "\\" not in raw and len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'":
        content = raw[1:-1]
        if raw[0] not in content:
            return content.encode("latin-1")
    pieces: list[str] = []
    at = 0
    while at < len(raw):
        match = re.match(_PIECE, raw[at:])
        if match is None:
            return BAD
        content = match[1] if match[1] is not None else match[2]
        pieces.append(re.sub(_ESCAPE, _unescape, content))
        at += match.end()
    return "".join(pieces).encode("latin-1") if pieces else BAD


def _unescape(match: re.Match[str]) -> str:
    octal, hexadecimal, high, low, short, long, simple = match.groups()
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if simple:
        return _SIMPLE.get(simple, simple)
    if high:
        code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
    else:
        code = int(short or long, 16)
        if code > _LAST_CODE_POINT:
            return f"\\U{code:08x}"
    return chr(code).encode("utf-8", "surrogatepass").decode("latin-1")
