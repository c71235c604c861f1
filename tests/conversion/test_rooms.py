"""The rooms of the converter, in the order the data goes: none looks into one behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "protolint" / "conversion"
#: What each room may import of the converter, besides itself.
MAY = {
    "notes": set(),
    "refusals": {"notes"},
    "decide": {"notes", "refusals"},
    "text": {"notes", "refusals", "decide"},
    "numbers": {"notes", "refusals", "decide"},
    "prove": {"notes", "refusals", "decide", "numbers"},
}
IMPORT = re.compile(r"^\s*from protolint\.conversion(?:\.(\w+))?\S* import (\w+)", re.MULTILINE)


@pytest.mark.parametrize("room", sorted(MAY))
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    files = list((ROOT / room).glob("*.py")) or [ROOT / f"{room}.py"]
    assert files[0].is_file()
    for file in files:
        found = {first or name for first, name in IMPORT.findall(file.read_text("utf-8"))}
        assert found - {room} <= MAY[room], file.name
