"""The one reader of BatchNorms: numbers, or a problem; `require` refuses with that problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protolint.batchnorm.numbers import numbers_of
from protolint.batchnorm.reading import Norm, norms_in, read_weights, require
from protolint.batchnorm.state import LayoutError, Statistic
from protolint.errors import InputError
from protolint.weights.index import index_model
from protolint.wire import length_delimited


def blob(*values: float) -> bytes:
    """A BlobProto field with one axis."""
    shape = length_delimited(7, length_delimited(1, bytes([len(values)])))
    return length_delimited(7, length_delimited(5, np.array(values, "<f4").tobytes()) + shape)


def layer(name: str, *blobs: bytes) -> bytes:
    """A BatchNorm of a net."""
    text = length_delimited(1, name.encode()) + length_delimited(2, b"BatchNorm")
    return length_delimited(100, text + b"".join(blobs))


PLAIN = (blob(1, 2), blob(3, 4), blob(1))
# Factor 0 beside statistics: BVLC's zeros, or what the first releases of 0.16 leave.
DOUBTFUL = (blob(1, 2), blob(3, 4), blob(0))
NOTHING = (blob(1, 2), blob(3, 4, 5), blob(1))


def norms(data: bytes, source: str | None = None) -> list[Norm]:
    return list(norms_in(data, index_model("net", data), source=source))


def test_what_is_certain_is_decoded() -> None:
    data = layer("a", *PLAIN) + length_delimited(100, length_delimited(2, b"ReLU"))
    found = require("net", norms(data + layer("b", *PLAIN)))
    assert [(norm.name, norm.position, norm.layout_name) for norm in found] == [
        ("a", 0, "B3"),
        ("b", 2, "B3"),
    ]
    assert found[0].state.variance.tolist() == [3, 4]
    assert found[0].evidence[0].startswith("three blobs")
    assert found[0].layout.name == "B3"


def test_a_doubt_is_a_problem_for_who_goes_on_and_a_refusal_for_who_cannot() -> None:
    (norm,) = norms(layer("bn", *DOUBTFUL))
    question = (
        "factor 0 beside statistics: BVLC reads them as 0, NVIDIA 0.16 as they are; say who wrote"
        " it: --from nvidia-0.16 (as v0.16.1 to v0.16.4 leave it) or --from bvlc (no NVIDIA mark)"
    )
    assert norm.problem == question
    assert norm.layout_name == "N16-3 or B3"
    numbers = numbers_of(norm)
    assert (numbers.problem, numbers.layout, numbers.channels) == (question, "N16-3 or B3", 0)
    for ask in (lambda: norm.state, lambda: norm.layout, lambda: norm.folded):
        with pytest.raises(LayoutError, match="factor 0 beside statistics"):
            ask()
    with pytest.raises(InputError) as raised:
        require("net", [norm])
    assert str(raised.value) == f"net: layer 'bn': {question}"


@pytest.mark.parametrize(
    ("others", "more"), [(1, " (and 1 more layer)"), (2, " (and 2 more layers)")]
)
def test_a_refusal_counts_the_other_doubtful_layers(others: int, more: str) -> None:
    data = layer("good", *PLAIN) + layer("bn", *DOUBTFUL) * (1 + others)
    with pytest.raises(InputError) as raised:
        require("net", norms(data))
    assert str(raised.value).startswith(f"net: layer 'bn'{more}: factor 0")


def test_what_the_user_says_settles_it() -> None:
    (norm,) = norms(layer("bn", *DOUBTFUL), source="nvidia-0.16")
    assert (norm.problem, norm.layout_name) == ("", "N16-3")
    data = layer("bn", blob(1, 2), blob(3, 4), blob(2))
    (norm,) = norms_in(data, index_model("net", data), statistic=Statistic.SECOND_MOMENT)
    assert norm.layout_name == "B3-second-moment"


def test_blobs_that_are_no_batchnorm_are_a_problem_without_a_layout() -> None:
    (norm,) = norms(layer("bn", *NOTHING))
    assert (norm.problem, norm.layout_name, norm.evidence) == (
        "3 blobs (2, 3, 1) are no BatchNorm this program knows",
        "",
        (),
    )
    with pytest.raises(InputError, match="are no BatchNorm this program knows"):
        require("net", [norm])


def test_a_damaged_file_is_refused_by_all(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(layer("bn", *PLAIN)[:-3])
    with pytest.raises(InputError, match=r"needs 3 bytes more"):
        read_weights(str(path))
