"""Who wrote a file: one answer, for `check` and for `convert`."""

from __future__ import annotations

import numpy as np
import pytest

from protolint.batchnorm.detect import Candidate, Detection
from protolint.batchnorm.facts import FileMarks, LayerFacts
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.origin import writer_of
from protolint.batchnorm.reading import Norm, StoredLayer
from protolint.batchnorm.sources import SOURCES, sources_of
from protolint.batchnorm.state import Array
from protolint.caffe.registry import NEWEST, TARGETS
from protolint.source import Span

_NOTHING = "nothing in the file points to another"


def norm(*layouts: str, blobs: tuple[Array, ...] = (), name: str = "bn") -> Norm:
    """A BatchNorm that may have some layouts, certain of one."""
    found = tuple(Candidate(LAYOUTS[layout], ()) for layout in layouts)
    detection = Detection(found, "?" if len(found) != 1 else "")
    stored = StoredLayer(name, "BatchNorm", (), (), (), Span(0, 0))
    return Norm(stored, LayerFacts(name, "BatchNorm", blobs), detection, None)


@pytest.mark.parametrize(
    ("layouts", "writer", "reason"),
    [
        pytest.param((), "bvlc", _NOTHING, id="no BatchNorm"),
        pytest.param(("B3",), "bvlc", _NOTHING, id="B3"),
        pytest.param(("B3-second-moment",), "bvlc", _NOTHING, id="second moments"),
        pytest.param(("B3", "N14C"), "nvidia-0.14", "from the blobs of 'N14C'", id="0.14"),
        pytest.param(("N14C-inv-std",), "nvidia-0.14", "from the blobs of 'N14C-inv-std'", id="4"),
        pytest.param(("N15A",), "nvidia-0.15", "from the blobs of 'N15A'", id="0.15"),
        pytest.param(("N15C", "N15A"), "nvidia-0.15", "from the blobs of 'N15C'", id="engines"),
        pytest.param(("N16-5",), NEWEST.name, "from the blobs of 'N16-5'", id="0.16 and 0.17"),
        pytest.param(("N16-3", "N15A"), NEWEST.name, "from the blobs of 'N15A'", id="reordered"),
        pytest.param(("B3", "I5"), "intel", "from the blobs of 'I5'", id="Intel"),
        pytest.param(("I4", "B3"), "intel", "from the blobs of 'I4'", id="Intel, first"),
        pytest.param(("B3", "N15A"), NEWEST.name, "from the blobs of 'N15A'", id="no one's"),
    ],
)
def test_layouts_point_to_their_caffe(layouts: tuple[str, ...], writer: str, reason: str) -> None:
    found = writer_of([norm(layout, name=layout) for layout in layouts], FileMarks())
    assert (found.name, found.dialect.name, found.reason) == (writer, writer, reason)
    assert found.is_dialect


@pytest.mark.parametrize(
    ("layouts", "writer"),
    [
        (("SEG",), "segnet"),
        (("YJX",), "yjxiong"),
        (("YJX-inv-std", "YJX"), "yjxiong"),
        (("PSP",), "pspnet"),
    ],
)
def test_forks_have_names_and_no_dialect(layouts: tuple[str, ...], writer: str) -> None:
    found = writer_of([norm(layout) for layout in layouts], FileMarks())
    assert (found.name, found.dialect) == (writer, NEWEST)
    assert not found.is_dialect


def test_a_doubtful_layout_counts_where_it_holds_gamma() -> None:
    assert writer_of([norm("N16-5", "N14C")], FileMarks()).name == NEWEST.name
    assert writer_of([norm("N16-3", "B3")], FileMarks()).name == "bvlc"


def test_marks_count_more_than_layouts() -> None:
    marks = FileMarks(raw_data="conv")
    found = writer_of([norm("N15A")], marks)
    assert (found.name, found.reason) == (
        NEWEST.name,
        "as layer 'conv' has its values in raw_data",
    )
    unset = norm("N16-3", blobs=tuple(np.array(v, np.float32) for v in ([0.5, 1], [1, 2], [0])))
    found = writer_of([unset], marks)
    assert (found.name, found.reason) == ("nvidia-0.16", "from the factor 0 of 'bn'")


def test_the_user_counts_more_than_anything() -> None:
    found = writer_of([norm("N15A")], FileMarks(raw_data="conv"), "bvlc")
    assert (found.name, found.dialect.name) == ("bvlc", "bvlc")
    found = writer_of([norm("I3")], FileMarks(), "intel")
    assert found.name == "intel"


def test_every_target_and_fork_can_be_named() -> None:
    assert set(SOURCES) >= {*TARGETS, "intel", "segnet", "yjxiong", "pspnet"}
    for name in LAYOUTS:
        assert sources_of(name) or name == "B3-second-moment"
    assert sources_of("B3")[0] == "bvlc"
    assert sources_of("N16-5")[0] == NEWEST.name
