"""What stands between a net and a weight file, in the words of who has to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.batchnorm.fit import Gap, _equals, fit
from protolint.batchnorm.reading import read_weights
from protolint.layers.shape import Shape
from protolint.weights.blobs import Form, encode_blob
from protolint.wire import float_field, length_delimited

HEAD = 'input: "data"\ninput_shape { dim: 2 dim: 3 dim: 4 dim: 4 }\n'
CONV = HEAD + (
    'layer { name: "c" type: "Convolution" bottom: "data" top: "c"'
    " convolution_param { num_output: 4 kernel_size: 1 bias_term: false } }\n"
)
NORM = 'layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" %s}\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }\n'
PRODUCT = (
    'layer { name: "%s" type: "InnerProduct" bottom: "c" top: "%s"'
    " inner_product_param { num_output: 5 bias_term: false } }\n"
)


def layer(name: str, kind: str, *shapes: Sequence[int], more: bytes = b"") -> bytes:
    body = length_delimited(1, name.encode()) + length_delimited(2, kind.encode())
    for shape in shapes:
        blob = np.ones(shape, np.float32)
        body += length_delimited(7, encode_blob(blob, Form.DATA))
    return length_delimited(100, body + more)


KERNEL = layer("c", "Convolution", (4, 3, 1, 1))
STATISTICS = layer("n", "BatchNorm", (4,), (4,), (1,))


def gaps(folder: Path, text: str, weights: bytes, target: str = "bvlc") -> tuple[Gap, ...]:
    net, model = folder / "n.prototxt", folder / "w.caffemodel"
    net.write_text(text)
    model.write_bytes(weights)
    return fit(protolint.load(net, target=target, isolated=True), read_weights(str(model)))


def test_what_fits_has_no_gap(tmp_path: Path) -> None:
    more = layer("unused", "InnerProduct", (9, 9))
    assert gaps(tmp_path, CONV + NORM % "", KERNEL + STATISTICS + more) == ()


def test_folded_weights_beside_a_net_that_is_not(tmp_path: Path) -> None:
    (gap,) = gaps(tmp_path, CONV + NORM % "", KERNEL)
    assert gap.kind == "folded"
    assert "protolint deploy --fold" in gap.message


def test_a_folded_net_beside_weights_that_are_not(tmp_path: Path) -> None:
    stored = layer("n", "BatchNorm", (4,), (4,), (1,), more=length_delimited(3, b"c"))
    # A net that ends there is a part of the model.
    assert gaps(tmp_path, CONV, KERNEL + stored) == ()
    (gap,) = gaps(tmp_path, CONV + RELU, KERNEL + stored)
    assert gap.kind == "not folded"
    assert gap.other == "n"


def test_layers_that_a_fold_left_behind_without_statistics_are_nothing(tmp_path: Path) -> None:
    """As in a file of Merge_bn_Caffe: the numbers are in the convolution already."""
    stored = layer("n", "BatchNorm", (4,), (4,), (1,), more=length_delimited(3, b"c"))
    blank = stored.replace(b"\x00\x00\x80?", b"\x00" * 4)
    assert gaps(tmp_path, CONV + RELU, KERNEL + blank) == ()
    assert gaps(tmp_path, CONV + RELU, KERNEL + stored) != ()


def test_a_renamed_layer_is_found_by_type_and_shapes(tmp_path: Path) -> None:
    stored = layer("classifier", "InnerProduct", (5, 64))
    (gap,) = gaps(tmp_path, CONV + PRODUCT % ("fc", "fc"), KERNEL + stored)
    assert (gap.kind, gap.layer, gap.other) == ("renamed", "fc", "classifier")
    # Of two that may be it the place decides, or neither is it.
    other = layer("another", "InnerProduct", (5, 64))
    (gap,) = gaps(tmp_path, CONV + PRODUCT % ("fc", "fc"), KERNEL + stored + other)
    assert gap.kind == "missing"


def test_of_layers_that_are_alike_the_place_decides(tmp_path: Path) -> None:
    text = CONV.replace("num_output: 4", "num_output: 3")
    for name, bottom in (("a", "c"), ("b", "a"), ("d", "b")):
        text += (
            CONV.partition("\n")[2]
            .partition("\n")[2]
            .replace(
                'name: "c" type: "Convolution" bottom: "data" top: "c"',
                f'name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"',
            )
            .replace("num_output: 4", "num_output: 3")
        )
    stored = [
        layer(name, "Convolution", (3, 3, 1, 1)) for name in ("c", "new", "b", "last", "more")
    ]
    found = {gap.layer: gap.other for gap in gaps(tmp_path, text, b"".join(stored))}
    assert found == {"a": "new", "d": ""}


def test_many_layers_that_are_alike_take_no_time(tmp_path: Path) -> None:
    layers = "".join(
        f'layer {{ name: "l{i}" type: "Bias" bottom: "data" top: "t{i}" }}\n' for i in range(3000)
    )
    stored = b"".join(layer(f"other{i}", "Bias", (3,)) for i in range(2999))
    found = gaps(tmp_path, HEAD + layers, stored)
    assert {gap.kind for gap in found} == {"missing"}


@pytest.mark.parametrize(("shape", "kind"), [((4, 3), "reshaped"), ((4, 4), "shape")])
def test_an_inner_product_in_a_convolution(
    shape: tuple[int, ...], kind: str, tmp_path: Path
) -> None:
    (gap,) = gaps(tmp_path, CONV, layer("c", "InnerProduct", shape))
    assert gap.kind == kind
    assert gap.aborts


def test_another_number_of_blobs_is_of_another_caffe(tmp_path: Path) -> None:
    stored = layer("n", "BatchNorm", (4,), (4,), (1,), (4,), (4,))
    (gap,) = gaps(tmp_path, CONV + NORM % "", KERNEL + stored)
    assert gap.kind == "blobs"
    assert "protolint convert" in gap.message


def test_another_eps_than_the_one_that_was_trained(tmp_path: Path) -> None:
    param = length_delimited(139, float_field(3, 0.001))
    stored = layer("n", "BatchNorm", (4,), (4,), (1,), more=param)
    (gap,) = gaps(tmp_path, CONV + NORM % "", KERNEL + stored)
    assert (gap.kind, gap.aborts) == ("eps", False)
    assert "0.001" in gap.message
    text = NORM % "batch_norm_param { eps: 0.001 } "
    assert gaps(tmp_path, CONV + text, KERNEL + stored) == ()


def test_a_caffe_that_takes_any_shape_does_not_abort(tmp_path: Path) -> None:
    stored = layer("n", "BatchNorm", (6,), (6,), (1,))
    (gap,) = gaps(tmp_path, CONV + NORM % "", KERNEL + stored)
    assert gap.kind == "shape"
    (gap,) = gaps(tmp_path, CONV + NORM % "", KERNEL + stored, "nvidia-0.17")
    assert (gap.kind, gap.aborts) == ("channels", False)


def test_legacy_sizes_are_compared_from_their_end() -> None:
    """(1,1,1,C) of an old file is (C), (1,C,1,1) is not (Blob::ShapeEquals)."""
    assert _equals((1, 1, 1, 4), Shape.of((4,)), legacy=True)
    assert _equals((1, 1, 2, 4), Shape.of((2, 4)), legacy=True)
    assert not _equals((1, 4, 1, 1), Shape.of((4,)), legacy=True)
    assert not _equals((1, 1, 1, 4), Shape.of((4,)))
    # Sizes that are left over have to be 1: these are 8 values, not 4.
    assert not _equals((2, 1, 1, 4), Shape.of((4,)), legacy=True)
    assert not _equals((1, 2, 1, 4), Shape.of((1, 4)), legacy=True)
    assert _equals((7, 4), Shape.of((None, 4)))
