"""Layers of forks compute what their sources say; small cases, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.execution.executor import Executor
from protolint.execution.step import Array, ExecutionError
from protolint.layers.states import NetState
from protolint.weights.blobs import encode_blob

X = np.array([[[[1, -2], [3, -4]], [[5, 6], [-7, 8]]]], np.float32)


def tops(
    layer: str,
    *bottoms: Array,
    weights: tuple[Array, ...] = (),
    phase: str = "TEST",
    folder: Path | None = None,
) -> list[Array]:
    names = [f"b{i}" for i in range(len(bottoms))]
    text = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {n}" for n in values.shape)} }}\n'
        for name, values in zip(names, bottoms, strict=True)
    )
    reads = " ".join(f'bottom: "{name}"' for name in names)
    text += f'layer {{ name: "l" {reads} {layer} }}\n'
    path = None if folder is None else folder / "net.prototxt"
    if path is not None:
        path.write_text(text, "utf-8")
    net = protolint.load(text if path is None else path, target="bvlc", isolated=True)
    executor = Executor(net, {"l": list(weights)} if weights else {}, NetState(phase))
    blobs = executor.forward(dict(zip(names, bottoms, strict=True)))
    return [blobs[top.name] for top in net.layers[-1].tops]


def test_flip() -> None:
    assert (tops('type: "Flip" top: "t"', X)[0] == X[..., ::-1]).all()
    both = 'type: "Flip" top: "t" flip_param { flip_height: true flip_width: false }'
    assert (tops(both, X)[0] == X[:, :, ::-1]).all()


def test_insanity_divides_by_the_mean_slope_in_test() -> None:
    slope = 5 / (np.log(10) - np.log(5))
    found = tops('type: "Insanity" top: "t"', X)[0]
    np.testing.assert_allclose(found, np.where(X > 0, X, X / slope), rtol=1e-6)
    found = tops('type: "Insanity" top: "t"', X, phase="TRAIN")[0]
    assert (found[X < 0] >= X[X < 0] / 5).all()
    assert (found[X < 0] <= X[X < 0] / 10).all()


def test_inner_distance_is_from_each_centre() -> None:
    rows, centres = np.array([[0, 3], [4, 0]], np.float32), np.array([[0, 0], [4, 3]], np.float32)
    layer = 'type: "InnerDistance" top: "t" inner_distance_param { num_output: 2 %s }'
    assert tops(layer % "", rows, weights=(centres,))[0].tolist() == [[9, 16], [16, 9]]
    found = tops(layer % 'distance_type: "L1"', rows, weights=(centres,))[0]
    assert found.tolist() == [[3, 4], [4, 3]]
    assert tops('type: "InnerDistance" top: "t"', rows, centres)[0].tolist() == [[9, 16], [16, 9]]


def test_channel_scale_multiplies_each_place() -> None:
    scale = np.array([[[[1, 2], [3, 4]]]], np.float32)
    assert (tops('type: "ChannelScale" top: "t"', X, scale)[0] == X * scale).all()
    layer = 'type: "ChannelScale" top: "t" top: "s" channel_scale_param { global_scale: true }'
    found = tops(layer, X, scale, weights=(np.array([2], np.float32),))
    assert (found[0] == X * 2).all()


def test_selu() -> None:
    found = tops('type: "SeLu" top: "t"', X)[0]
    wanted = 1.050700987 * np.where(X > 0, X, 1.67326324 * (np.exp(X) - 1))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_losses_of_r_fcn_are_those_of_each_box() -> None:
    layer = 'type: "SmoothL1LossOHEM" top: "loss" top: "each"'
    loss, each = tops(layer, X, np.zeros_like(X))
    assert each.tolist() == [[[[5.0, 7.0], [9.0, 11.0]]]]
    assert loss == each.sum() / 4
    fixed = f"{layer} loss_param {{ normalization: PRE_FIXED pre_fixed_normalizer: 128 }}"
    assert tops(fixed, X, np.zeros_like(X))[0] == each.sum() / 128
    labels = np.array([[[[0, 1], [0, 1]]]], np.float32)
    layer = 'type: "SoftmaxWithLossOHEM" top: "loss" top: "shares" top: "each"'
    loss, shares, each = tops(layer, X, labels)
    assert each.shape == labels.shape
    assert each[0, 0, 0, 0] == pytest.approx(-np.log(shares[0, 0, 0, 0]), rel=1e-6)
    assert loss == pytest.approx(each.sum() / 4, rel=1e-6)


def test_the_hardest_boxes_of_each_image_keep_their_labels() -> None:
    boxes = np.array([[0] * 5, [0] * 5, [1] * 5, [1] * 5], np.float32)[..., None, None]
    losses, labels = (
        np.array(values, np.float32).reshape(4, 1, 1, 1) for values in ([1, 2, 4, 3], [5, 6, 7, 8])
    )
    weights = np.ones((4, 8, 1, 1), np.float32)
    layer = (
        'type: "BoxAnnotatorOHEM" top: "labels" top: "weights"'
        " box_annotator_ohem_param { roi_per_img: 1 ignore_label: -1 }"
    )
    found, kept = tops(layer, boxes, losses, labels, weights)
    assert found.reshape(-1).tolist() == [-1, 6, 7, -1]
    assert kept[:, 0, 0, 0].tolist() == [0, 1, 1, 0]


def test_an_upsample_of_one_bottom_repeats_each_value() -> None:
    found = tops('type: "Upsample" top: "t" upsample_param { scale: 2 }', X)[0]
    assert (found == X.repeat(2, 2).repeat(2, 3)).all()


def test_infogain_reads_its_matrix_beside_the_net(tmp_path: Path) -> None:
    scores = np.array([[1, 2, 3], [3, 1, 0]], np.float32)
    labels = np.array([2, 0], np.float32)
    layer = 'type: "InfogainLoss" top: "loss" infogain_loss_param { source: "%s" }'
    (tmp_path / "h.binaryproto").write_bytes(encode_blob(np.eye(3, dtype=np.float32)))
    found = tops(layer % "h.binaryproto", scores, labels, folder=tmp_path)[0]
    wanted = tops('type: "SoftmaxWithLoss" top: "loss"', scores, labels)[0]
    assert found == pytest.approx(float(wanted), rel=1e-6)
    with pytest.raises(ExecutionError, match=r"its source 'no.binaryproto' is not there"):
        tops(layer % "no.binaryproto", scores, labels, folder=tmp_path)
    (tmp_path / "h.binaryproto").write_bytes(encode_blob(np.eye(2, dtype=np.float32)))
    with pytest.raises(ExecutionError, match="4 values for 3 classes"):
        tops(layer % "h.binaryproto", scores, labels, folder=tmp_path)


def test_spatial_dropout_of_enet_scales_in_test_and_drops_channels_in_train() -> None:
    layer = (
        'type: "Python" top: "t" python_param { module: "spatial_dropout"'
        " layer: \"SpatialDropoutLayer\" param_str: \"{'phase': '%s', 'p': '0.2'}\" }"
    )
    np.testing.assert_allclose(tops(layer % "TEST", X)[0], X / np.float32(0.8))
    many = np.ones((3, 400, 2, 2), np.float32)
    # The phase is that of the text, whatever the net's is.
    found = tops(layer % "TRAIN", many)[0]
    assert set(np.unique(found)) == {0, np.float32(1.25)}
    assert (found == found[:, :, :1, :1]).all()
    assert 0.75 < (found > 0).mean() < 0.85


ANCHORS = [
    [-83, -39, 100, 56], [-175, -87, 192, 104], [-359, -183, 376, 200],
    [-55, -55, 72, 72], [-119, -119, 136, 136], [-247, -247, 264, 264],
    [-35, -79, 52, 96], [-79, -167, 96, 184], [-167, -343, 184, 360],
]  # fmt: skip


def proposals(scores: Array, moves: Array, info: Array, most: int) -> list[list[float]]:
    """What proposal_layer.py works out, box by box."""
    found = []
    for row in range(scores.shape[2]):
        for column in range(scores.shape[3]):
            # generate_anchors.py prints these corners counted from 1.
            for a, corners in enumerate(ANCHORS):
                starts = np.array([column, row] * 2) * 16 - 1
                x1, y1, x2, y2 = np.array(corners) + starts
                dx, dy, dw, dh = moves[0, 4 * a : 4 * a + 4, row, column].astype(float)
                width, height = x2 - x1 + 1, y2 - y1 + 1
                x, y = x1 + width / 2 + dx * width, y1 + height / 2 + dy * height
                width, height = np.exp(dw) * width / 2, np.exp(dh) * height / 2
                corner = np.array([x - width, y - height, x + width, y + height])
                limits = np.array([info[1], info[0]] * 2) - 1.0
                box = np.minimum(np.maximum(corner, 0), limits).tolist()
                if min(box[2] - box[0], box[3] - box[1]) + 1 >= 16 * info[2]:
                    found.append((float(scores[0, 9 + a, row, column]), box))
    kept: list[list[float]] = []
    for _, box in sorted(found, key=lambda one: -one[0]):
        for other in kept:
            wide = min(box[2], other[2]) - max(box[0], other[0]) + 1
            high = min(box[3], other[3]) - max(box[1], other[1]) + 1
            both = max(wide, 0) * max(high, 0)
            sizes = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other)]
            if both / (sum(sizes) - both) >= 0.7:
                break
        else:
            kept.append(box)
    return kept[:most]


@pytest.mark.parametrize("phase", ["TEST", "TRAIN"])
def test_proposals_are_the_best_boxes_that_do_not_overlap(phase: str) -> None:
    random = np.random.default_rng(3)
    scores = random.random((1, 18, 14, 19)).astype(np.float32)
    moves = random.standard_normal((1, 36, 14, 19)).astype(np.float32) / 4
    info = np.array([[224, 300, 1.5]], np.float32)
    layer = (
        'type: "Python" top: "rois" top: "scores" python_param { module: "rpn.proposal_layer"'
        ' layer: "ProposalLayer" param_str: "\'feat_stride\': 16" }'
    )
    boxes, best = tops(layer, scores, moves, info, phase=phase)
    wanted = proposals(scores, moves, info[0], {"TEST": 300, "TRAIN": 2000}[phase])
    assert boxes[:, 0].tolist() == [0] * len(wanted)
    np.testing.assert_allclose(boxes[:, 1:], wanted, rtol=1e-5, atol=1e-4)
    assert (np.diff(best[:, 0]) <= 0).all()


def test_seg_accuracy_counts_pixels_classes_and_overlaps() -> None:
    scores = np.array([[[[0, 9, 5]], [[1, 0, 5]], [[0, 0, 0]]]], np.float32)
    labels = np.array([[[[1, 0, 255]]]], np.float32)
    layer = 'type: "SegAccuracy" top: "t" seg_accuracy_param { ignore_label: 255 %s}'
    (found,) = tops(layer % "", scores, labels)
    assert found.reshape(-1).tolist() == [1, 1, 1]
    labels[0, 0, 0] = [1, 2, 0]
    (found,) = tops(layer % "", scores, labels)
    # Right: one of three. Of equal scores class 1 is the answer for the last pixel.
    np.testing.assert_allclose(found.reshape(-1), [1 / 3, 1 / 3, 1 / 6], rtol=1e-6)
    labels[0, 0, 0, 0] = 7
    with pytest.raises(ExecutionError, match="no class"):
        tops(layer % "", scores, labels)
