"""DetectionEvaluate counts in pixels where it is told the sizes of the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.execution.executor import Executor
from protolint.execution.step import Array, ExecutionError
from protolint.layers.states import NetState

TEXT = """\
input: "found" input_dim: [1, 1, 3, 7]
input: "truth" input_dim: [1, 1, 2, 8]
layer { name: "e" type: "DetectionEvaluate" bottom: "found" bottom: "truth" top: "e"
  detection_evaluate_param { num_classes: 2 overlap_threshold: 0.4 %s } }
"""
#: Of both images the same box is found and the same one is there.
FOUND = np.array(
    [[0, 1, 0.9, 0, 0, 0.4, 0.5], [1, 1, 0.8, 0, 0, 0.4, 0.5], [1, 1, 0.7, 0.9, 0.9, 1, 1]]
)
TRUTH = np.array([[i, 1, 0, 0.2, 0, 0.6, 0.5, 0] for i in range(2)])


def evaluator(folder: Path, parameters: str) -> Executor:
    path = folder / "net.prototxt"
    path.write_text(TEXT % parameters, "utf-8")
    net = protolint.load(path, target="ssd", isolated=True)
    return Executor(net, {}, NetState("TEST"))


def right(executor: Executor, detections: Array = FOUND) -> list[int]:
    """Which of the detections are right."""
    found: Array = executor.forward(
        {"found": detections.reshape(1, 1, 3, 7), "truth": TRUTH.reshape(1, 1, 2, 8)}
    )["e"]
    assert found.reshape(-1, 5)[0].tolist() == [-1, 1, 2, -1, -1]
    rows = found.reshape(-1, 5)[1:]
    assert (rows[:, 3] + rows[:, 4] == 1).all()
    return [int(row[3]) for row in rows]


def test_boxes_are_shares_of_the_image_without_sizes(tmp_path: Path) -> None:
    # 0.1 in common of 0.2 each: a third.
    assert right(evaluator(tmp_path, "")) == [0, 0, 0]


def test_a_pixel_has_a_width_where_sizes_are_known(tmp_path: Path) -> None:
    # Of 10x20 pixels 5x11 each with 3x11 in common: 33 of 77. Of 1000x2000 a third.
    (tmp_path / "sizes.txt").write_text("a 20 10\nb 2000 1000\nc 2000 1000\n", "utf-8")
    executor = evaluator(tmp_path, 'name_size_file: "sizes.txt"')
    assert right(executor) == [1, 0, 0]
    # The second pass has the third image, and the first one again.
    assert right(executor) == [0, 1, 0]
    assert right(executor) == [0, 0, 0]
    warped = 'name_size_file: "sizes.txt" resize_param { resize_mode: WARP height: 30 width: 30 }'
    assert right(evaluator(tmp_path, warped)) == [1, 0, 0]


def test_boxes_that_do_not_meet_share_a_pixel(tmp_path: Path) -> None:
    # Of one pixel 1.1x1.1 and 1.4x1.5: 1 of 2.31.
    away = np.array([[1, 1, 0.7, 0.9, 0.9, 1, 1], *[[-1] * 7] * 2])
    for size, wanted in (("1 1", 1), ("2 2", 0)):
        (tmp_path / "sizes.txt").write_text(f"a {size}\n", "utf-8")
        assert right(evaluator(tmp_path, 'name_size_file: "sizes.txt"'), away) == [wanted]


def test_sizes_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match=r"its name_size_file 'none.txt' is not there"):
        right(evaluator(tmp_path, 'name_size_file: "none.txt"'))
    (tmp_path / "sizes.txt").write_text("a b c\n", "utf-8")
    with pytest.raises(ExecutionError, match="no list of names, heights and widths"):
        right(evaluator(tmp_path, 'name_size_file: "sizes.txt"'))
    (tmp_path / "sizes.txt").write_text("a 20 10\n", "utf-8")
    resize = "resize_param { resize_mode: FIT_SMALL_SIZE height: 30 width: 30 }"
    with pytest.raises(ExecutionError, match="resize_mode FIT_SMALL_SIZE is not run"):
        right(evaluator(tmp_path, f'name_size_file: "sizes.txt" {resize}'))
