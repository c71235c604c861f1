"""Layers that no run of a real build has: the executor computes what OpenCV computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.execution.step import Array
from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited
from tests.execution.real import difference

RANDOM = np.random.default_rng(1)
#: Image, left, top, right, bottom; the last two go beyond the image or are a line.
BOXES = np.array(
    [[0, 0, 0, 60, 40], [1, 8, 16, 100, 90], [1, 90, 90, 300, 300], [0, 30, 30, 31, 32]], np.float32
)
#: Parameters of a layer, and the shapes of its blobs and of its bottom.
CASES: dict[str, tuple[str, tuple[tuple[int, ...], ...], tuple[int, ...]]] = {
    "Convolution": (
        "convolution_param { num_output: 4 group: 2 kernel_h: 3 kernel_w: 2 pad: 2 dilation: 2 }",
        ((4, 3, 3, 2), (4,)),
        (2, 6, 9, 11),
    ),
    "Deconvolution": (
        "convolution_param { num_output: 6 group: 3 kernel_size: 4 stride: 2 pad: 1 }",
        ((6, 2, 4, 4), (6,)),
        (2, 6, 9, 11),
    ),
    "LRN": (
        "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 }",
        (),
        (2, 6, 9, 11),
    ),
    "Pooling": ("pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }", (), (2, 6, 9, 11)),
    "Interp": ("interp_param { height: 17 width: 13 }", (), (2, 6, 9, 11)),
    "ROIPooling": (
        "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.0625 }",
        (),
        (2, 6, 9, 11),
    ),
    "PSROIPooling": (
        "psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 0.0625 }",
        (),
        (2, 8, 9, 11),
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_opencv_computes_the_same(kind: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    parameters, shapes, shape = CASES[kind]
    data: dict[str, Array] = {"x": RANDOM.standard_normal(shape).astype(np.float32)}
    if "ROI" in kind:
        data["boxes"] = BOXES
    inputs = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in values.shape)} }}\n'
        for name, values in data.items()
    )
    bottoms = " ".join(f'bottom: "{name}"' for name in data)
    net, model = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    layer = f'layer {{ name: "l" type: "{kind}" {bottoms} top: "y" {parameters} }}\n'
    net.write_text(inputs + layer, "utf-8")
    blobs = [RANDOM.standard_normal(s).astype(np.float32) for s in shapes]
    body = length_delimited(1, b"l") + length_delimited(2, kind.encode())
    body += b"".join(length_delimited(7, encode_blob(blob)) for blob in blobs)
    model.write_bytes(length_delimited(100, body))
    found = protolint.run(net, model, data=data, isolated=True)["y"]
    program = cv2.dnn.readNetFromCaffe(str(net), str(model))
    for name, values in data.items():
        program.setInput(values, name)
    wanted = np.asarray(program.forward())
    assert found.shape == wanted.shape
    assert difference(found, wanted) <= 1e-6
