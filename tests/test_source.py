"""Lines and columns of byte offsets, whatever order they are asked for in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protolint.source import Source

TEXTS = st.lists(st.sampled_from(["a", "bc", "\n", "\r\n", "\r", "\n\n", "\u00e9", " " * 30])).map(
    "".join
)


@given(TEXTS, st.lists(st.integers(0, 90)), st.booleans())
def test_lines_are_counted_as_a_table_of_them_says(
    text: str, offsets: list[int], columns: bool
) -> None:
    data = text.encode()
    source = Source("x", data)
    for offset in offsets:
        before = data[:offset]
        line = before.count(b"\n") + 1
        assert source.line_number(offset) == line
        if columns and offset <= len(data):
            begun = before.rpartition(b"\n")[2].decode("utf-8", "replace")
            assert source.position(offset) == (line, len(begun) + 1)
    assert source.line_starts == [0, *[i + 1 for i, byte in enumerate(data) if byte == 10]]


def test_a_table_is_made_where_places_are_asked_for_to_and_fro() -> None:
    source = Source("x", b"line\n" * 1000)
    for _ in range(20):
        assert [source.line_number(at) for at in (4_999, 0, 2_500)] == [1000, 1, 501]
    assert source._line_starts is not None
