"""Counts and lists read the same in every message, and a free name is free."""

from __future__ import annotations

import pytest

from protolint.names import Names
from protolint.words import and_more, counted, joined, listed, plural, titled


def test_a_number_goes_with_its_noun() -> None:
    assert [counted(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
    assert counted(2, "batch", "batches") == "2 batches"
    assert counted(1024, "file", spec=",") == "1,024 files"
    assert [plural(n, "axis", "axes") for n in (1, 4)] == ["axis", "axes"]


def test_lists_name_the_first_and_count_the_rest() -> None:
    assert listed(["a", "b", "c"], 3) == "a, b, c"
    assert listed(["a", "b", "c", "d"], 3) == "a, b, c and 1 more"
    assert [and_more(n) for n in (-1, 0, 2)] == ["", "", " and 2 more"]
    assert and_more(1, "channel") == " and 1 channel more"


def test_joined_names_read_as_a_sentence() -> None:
    assert joined(["a"]) == "a"
    assert joined(name for name in "abc") == "a, b and c"
    with pytest.raises(ValueError, match="unpack"):
        joined([])


def test_a_layer_without_a_name_is_called_by_its_type() -> None:
    assert titled("bn", "BatchNorm") == "bn"
    assert titled("", "BatchNorm") == "(BatchNorm without a name)"
    assert titled("") == "(layer without a name)"


def test_a_free_name_is_near_the_one_wanted_and_given_once() -> None:
    names = Names(["bn", "bn_2"])
    assert [names.free(wanted) for wanted in ("bn", "bn", "fresh", "fresh")] == [
        "bn_3",
        "bn_4",
        "fresh",
        "fresh_2",
    ]
    assert "fresh_2" in names
    assert "other" not in names
