"""The rooms of the converter, in the order the data goes: none looks into one behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "protolint" / "conversion"
#: What each room may import of the converter, besides itself.
WORDS = {"notes", "refusal", "refusals", "file_refusals"}
MAY = {
    "notes": set[str](),
    "refusal": set[str](),
    "refusals": {"notes", "refusal"},
    "file_refusals": set[str](),
    "decide": WORDS,
    "text": WORDS | {"decide"},
    "numbers": WORDS | {"decide"},
    "prove": WORDS | {"decide", "numbers"},
}
IMPORT = re.compile(r"^\s*from protolint\.conversion(?:\.(\w+))?\S* import ([\w, ]+)", re.MULTILINE)


@pytest.mark.parametrize("room", sorted(MAY))
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    files = list((ROOT / room).glob("*.py")) or [ROOT / f"{room}.py"]
    assert files[0].is_file()
    for file in files:
        found = {
            name
            for inner, names in IMPORT.findall(file.read_text("utf-8"))
            for name in ([inner] if inner else names.split(", "))
        }
        assert found - {room} <= MAY[room], file.name
