"""Layers of forks compute what their sources say; small cases, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.execution.alignment import offsets
from protolint.execution.executor import Executor
from protolint.execution.step import Array, ExecutionError
from protolint.layers.fields import integers
from protolint.layers.states import NetState
from protolint.weights.blobs import encode_blob

X = np.array([[[[1, -2], [3, -4]], [[5, 6], [-7, 8]]]], np.float32)


def tops(
    layer: str,
    *bottoms: Array,
    weights: tuple[Array, ...] = (),
    phase: str = "TEST",
    folder: Path | None = None,
    after: str = "",
) -> list[Array]:
    names = [f"b{i}" for i in range(len(bottoms))]
    text = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {n}" for n in values.shape)} }}\n'
        for name, values in zip(names, bottoms, strict=True)
    )
    reads = " ".join(f'bottom: "{name}"' for name in names)
    text += f'layer {{ name: "l" {reads} {layer} }}\n{after}'
    path = None if folder is None else folder / "net.prototxt"
    if path is not None:
        path.write_text(text, "utf-8")
    net = protolint.load(text if path is None else path, target="bvlc", isolated=True)
    executor = Executor(net, {"l": list(weights)} if weights else {}, NetState(phase))
    ran = executor.passing(dict(zip(names, bottoms, strict=True)))
    return [executor.blobs[top.name] for top in next(ran).tops]


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
    json = 'type: "Python" top: "t" python_param { module: "spatial_dropout" layer: %s }'
    json %= '"SpatialDropoutLayer" param_str: \'{"phase":"TEST","p":2e-1}\''
    np.testing.assert_allclose(tops(json, X)[0], X / np.float32(0.8))
    with pytest.raises(ExecutionError, match="param_str has no 'p'"):
        tops(layer.replace("'p'", "'share'") % "TEST", X)
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


def test_a_crop_of_a_v1_net_finds_its_own_place() -> None:
    # FCN-8s crops at 5, 9 and 31, as the nets say that have an offset
    # (voc-fcn8s @ shelhamer/fcn.berkeleyvision.org).
    def convolution(bottom: str, top: str, fields: str) -> str:
        return (
            f'layers {{ name: "{top}" type: CONVOLUTION bottom: "{bottom}" top: "{top}"'
            f" convolution_param {{ num_output: 1 bias_term: false {fields} }} }}\n"
        )

    def enlarged(bottom: str, top: str, kernel: int, stride: int) -> str:
        fields = f"kernel_size: {kernel} stride: {stride}"
        return convolution(bottom, top, fields).replace("CONVOLUTION", "DECONVOLUTION")

    def pooled(bottom: str, top: str) -> str:
        return (
            f'layers {{ name: "{top}" type: POOLING bottom: "{bottom}" top: "{top}"'
            " pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n"
        )

    def cropped(bottom: str, like: str, top: str) -> str:
        return (
            f'layers {{ name: "{top}" type: CROP bottom: "{bottom}" bottom: "{like}"'
            f' top: "{top}" }}\n'
            f'layers {{ name: "relu" type: RELU bottom: "{top}" top: "{top}" }}\n'
        )

    def fused(first: str, second: str, top: str) -> str:
        return (
            f'layers {{ name: "{top}" type: ELTWISE bottom: "{first}" bottom: "{second}"'
            f' top: "{top}" }}\n'
        )

    text = "input: 'data' input_dim: 1 input_dim: 1 input_dim: 40 input_dim: 50\n" + "".join(
        [
            convolution("data", "conv1", "kernel_size: 3 pad: 100"),
            pooled("conv1", "pool1"), pooled("pool1", "pool2"), pooled("pool2", "pool3"),
            pooled("pool3", "pool4"), pooled("pool4", "pool5"),
            convolution("pool5", "fc6", "kernel_size: 7"),
            enlarged("fc6", "up2", 4, 2),
            cropped("pool4", "up2", "pool4c"),
            fused("up2", "pool4c", "fuse4"),
            enlarged("fuse4", "up4", 4, 2),
            cropped("pool3", "up4", "pool3c"),
            fused("up4", "pool3c", "fuse3"),
            enlarged("fuse3", "up8", 16, 8),
            cropped("up8", "data", "score"),
        ]
    )  # fmt: skip
    net = protolint.load(text, target="bvlc", isolated=True)
    layers = {layer.name: layer for layer in net.layers}
    found = [offsets(net.views[0], layers[name]) for name in ("pool4c", "pool3c", "score")]
    assert found == [(5, 5), (9, 9), (31, 31)]
    weights = {
        layer.name: [np.ones((1, 1, size, size), np.float32)]
        for layer in net.layers
        for size in integers(layer, "convolution_param", "kernel_size")
    }
    blobs = Executor(net, weights, NetState("TEST")).forward({"data": np.ones((1, 1, 40, 50))})
    assert blobs["score"].shape == (1, 1, 40, 50)
    np.testing.assert_array_equal(blobs["score"], blobs["up8"][:, :, 31:71, 31:81])
    away = text.replace('"up8" bottom: "data"', '"up8" bottom: "other"')
    net = protolint.load("input: 'other' input_dim: [1, 1, 4, 4]\n" + away, isolated=True)
    with pytest.raises(ExecutionError, match="where its second bottom lies"):
        Executor(net, weights, NetState("TEST")).forward({"data": np.ones((1, 1, 40, 50))})


def test_lrn_map_is_lrn_within_a_channel() -> None:
    net = (
        "input: 'b0' input_dim: [1, 2, 2, 2]\nlayers { name: 'l' bottom: 'b0' top: 't'"
        " type: LRN_MAP lrn_map_param { local_size: 3 alpha: 0.5 beta: 2 } }\n"
    )
    executor = Executor(protolint.load(net, isolated=True), {}, NetState("TEST"))
    found = executor.forward({"b0": X})["t"]
    # Each window of 3 holds the whole 2x2 image and its padding.
    means = (X.astype(np.float64) ** 2).sum((2, 3), keepdims=True) / 9
    np.testing.assert_allclose(found, X / (1 + 0.5 * means) ** 2, rtol=1e-6)


def test_words_of_fast_r_cnn_s_v1_layers_are_known() -> None:
    net = (
        "input: 'a' input_dim: [2, 3, 1, 1] input: 'b' input_dim: [2, 3, 1, 1]\n"
        "layers { name: 'l' bottom: 'a' bottom: 'b' top: 't' type: SMOOTH_L1_LOSS }\n"
    )
    executor = Executor(protolint.load(net, isolated=True), {}, NetState("TEST"))
    a = np.array([0.5, 3, 0, 0, 0, 0]).reshape(2, 3, 1, 1)
    found = executor.forward({"a": a, "b": np.zeros_like(a)})["t"]
    assert found == pytest.approx((0.125 + 2.5) / 2)


def test_a_fourth_bottom_weighs_the_losses_of_smooth_l1() -> None:
    values, inside, outside = X, np.full_like(X, 2), np.abs(X) / 4
    layer = 'type: "SmoothL1Loss" top: "t" smooth_l1_loss_param { sigma: 3 }'
    (found,) = tops(layer, values, np.zeros_like(X), inside, outside)
    wide = np.abs(2.0 * X)
    each = np.where(wide < 1 / 9, 4.5 * wide**2, wide - 0.5 / 9) * np.abs(X) / 4
    assert found == pytest.approx(each.sum())


def rows_of(box: Sequence[float], others: Array) -> list[float]:
    """What bbox.pyx works out for one box."""
    found = []
    for other in others.tolist():
        wide = min(box[2], other[2]) - max(box[0], other[0]) + 1
        high = min(box[3], other[3]) - max(box[1], other[1]) + 1
        sizes = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other)]
        both = wide * high if wide > 0 and high > 0 else 0
        found.append(both / (sum(sizes) - both))
    return found


def moved(box: Sequence[float], truth: Sequence[float]) -> list[float]:
    """What bbox_transform.py works out for one box."""
    wide, high = box[2] - box[0] + 1, box[3] - box[1] + 1
    other_wide, other_high = truth[2] - truth[0] + 1, truth[3] - truth[1] + 1
    return [
        (truth[0] + other_wide / 2 - box[0] - wide / 2) / wide,
        (truth[1] + other_high / 2 - box[1] - high / 2) / high,
        float(np.log(other_wide / wide)),
        float(np.log(other_high / high)),
    ]


PYTHON = 'type: "Python" python_param {{ module: "rpn.{0}" layer: "{1}" param_str: "{2}" }} {3}'
TRUTHS = np.array([[20, 30, 149, 158, 7], [160, 40, 290, 215, 3], [2, 2, 30, 20, 5]], np.float32)
R_FCN = 'layer { name: "%s" type: "%s" bottom: "b0" top: "%s" }\n'


@pytest.mark.parametrize("net", ["faster", "ohem"])
def test_anchors_are_matched_with_truths(net: str) -> None:
    more = [R_FCN % (kind, kind, kind) for kind in ("PSROIPooling", "BoxAnnotatorOHEM")]
    rows, columns = 26, 34
    info = np.array([[rows * 16, columns * 16, 1]], np.float32)
    scores = np.zeros((1, 18, rows, columns), np.float32)
    layer = PYTHON.format(
        "anchor_target_layer", "AnchorTargetLayer", "'feat_stride': 16",
        " ".join(f'top: "t{i}"' for i in range(4)),
    )  # fmt: skip
    labels, moves, inside, outside = tops(
        layer, scores, TRUTHS, info, phase="TRAIN", after="".join(more) if net == "ohem" else ""
    )
    assert labels.shape == (1, 1, 9 * rows, columns)
    assert moves.shape == inside.shape == outside.shape == (1, 36, rows, columns)
    boxes, shares = {}, {}
    for a, row, column in np.ndindex(9, rows, columns):
        box = (np.array(ANCHORS[a]) - 1 + np.array([column, row] * 2) * 16.0).tolist()
        if min(box[:2]) >= 0 and box[2] < columns * 16 and box[3] < rows * 16:
            boxes[a, row, column], shares[a, row, column] = box, rows_of(box, TRUTHS)
    best = np.array(list(shares.values())).max(0)
    counted = 0
    for place in np.ndindex(9, rows, columns):
        a, row, column = place
        label = labels[0, 0, a * rows + row, column]
        here = slice(4 * a, 4 * a + 4), row, column
        if place not in boxes:
            assert label == -1
            assert not moves[0][here].any()
            continue
        mine = np.array(shares[place])
        positive = bool((mine == best).any() or mine.max() >= 0.7)
        assert label == 1 if positive else label in ((0, -1) if mine.max() < 0.3 else (-1,))
        wanted = np.array(moved(boxes[place], TRUTHS[mine.argmax()].tolist()))
        wanted = wanted / [0.1, 0.1, 0.2, 0.2] if net == "ohem" else wanted
        np.testing.assert_allclose(moves[0][here], wanted, rtol=1e-5, atol=1e-6)
        assert (inside[0][here] == (label == 1)).all()
        np.testing.assert_allclose(outside[0][here], (1 / 256 if label >= 0 else 0), rtol=1e-6)
        counted += label >= 0
    # All positive ones are few enough; of the many negative ones some are left out.
    assert counted == 256
    assert best.min() > 0


@pytest.mark.parametrize("net", ["faster", "rfcn", "ohem"])
def test_boxes_to_learn_from_have_their_classes_and_moves(net: str) -> None:
    random = np.random.default_rng(8)
    corners = np.hstack([TRUTHS[:2, :4]] * 300).reshape(-1, 4)
    corners = np.vstack([corners + random.normal(0, 40, corners.shape), [[200, 2, 220, 20]]])
    boxes = np.insert(corners, 0, 0, 1).astype(np.float32)
    kinds = {"faster": (), "rfcn": ("PSROIPooling",), "ohem": ("PSROIPooling", "BoxAnnotatorOHEM")}
    agnostic = net != "faster"
    layer = PYTHON.format(
        "proposal_target_layer", "ProposalTargetLayer",
        f"'num_classes': {2 if agnostic else 8}", " ".join(f'top: "t{i}"' for i in range(5)),
    )  # fmt: skip
    after = "".join(R_FCN % (kind, kind, kind) for kind in kinds[net])
    rois, labels, moves, inside, outside = tops(layer, boxes, TRUTHS, phase="TRAIN", after=after)
    end = (1, 1) if agnostic else ()
    assert rois.shape == (len(rois), 5, *end)
    assert labels.shape == (len(rois), *((1, 1, 1) if agnostic else ()))
    assert moves.shape == (len(rois), 8 if agnostic else 32, *end)
    known = [tuple(row) for row in np.vstack([boxes[:, 1:], TRUTHS[:, :4]]).tolist()]
    full = {box for box in known if max(rows_of(box, TRUTHS)) >= 0.5}
    low = 0.1 if net == "rfcn" else 0
    empty = {box for box in known if low <= max(rows_of(box, TRUTHS)) < 0.5}
    assert len(full) > 32
    assert len(rois) == (len(full | empty) if net == "ohem" else 128)
    assert int((labels > 0).sum()) == (len(full) if net == "ohem" else 32)
    for i, row in enumerate(rois.reshape(len(rois), 5).tolist()):
        assert row[0] == 0
        box = tuple(row[1:])
        mine = rows_of(box, TRUTHS)
        truth = TRUTHS[int(np.argmax(mine))].tolist()
        label = int(labels.reshape(-1)[i])
        assert label == truth[4] if box in full else (label == 0 and box in empty)
        wanted, weights = np.zeros((2, moves.shape[1] // 4, 4))
        if label:
            place = 1 if agnostic else label
            wanted[place] = np.array(moved(box, truth)) / [0.1, 0.1, 0.2, 0.2]
            weights[place] = 1
        np.testing.assert_allclose(moves[i].reshape(-1, 4), wanted, rtol=1e-4, atol=1e-5)
        assert (inside[i].reshape(-1, 4) == weights).all()
        assert (outside[i].reshape(-1, 4) == weights).all()


RISTRETTO = """type: "FcRistretto" top: "t" inner_product_param { num_output: 2 bias_term: false }
  quantization_param { %s }"""


def fixed(values: Array, bits: int, point: int) -> Array:
    """What Trim2FixedPoint_cpu works out, value by value."""
    found = []
    for value in np.asarray(values, np.float64).reshape(-1).tolist():
        most = (2 ** (bits - 1) - 1) * 2.0**-point
        least = -(2 ** (bits - 1)) * 2.0**-point
        count = max(min(value, most), least) / 2.0**-point
        found.append(np.copysign(int(abs(count) + 0.5), count) * 2.0**-point)
    return np.array(found).reshape(values.shape)


def test_ristretto_rounds_what_it_reads_its_weights_and_what_it_writes() -> None:
    random = np.random.default_rng(5)
    rows = (random.standard_normal((3, 4)) * 8).astype(np.float32)
    weights = random.standard_normal((2, 4)).astype(np.float32)
    parameters = (
        "bw_layer_in: 6 fl_layer_in: 2 bw_params: 4 fl_params: 2 bw_layer_out: 7 fl_layer_out: 1"
    )
    (found,) = tops(RISTRETTO % parameters, rows.copy(), weights=(weights,))
    read = fixed(rows, 6, 2)
    assert {-8, 7.75} <= set(read.reshape(-1).tolist())
    np.testing.assert_array_equal(found, fixed(read @ fixed(weights, 4, 2).T, 7, 1))
    # What it reads is rounded where it lies, for other layers too.
    after = 'layer { name: "p" type: "Power" bottom: "b0" top: "p" }\n'
    text = "input: 'b0' input_dim: [3, 4]\nlayer { name: 'l' bottom: 'b0' %s }\n%s"
    net = protolint.load(text % (RISTRETTO % parameters, after), target="bvlc", isolated=True)
    blobs = Executor(net, {"l": [weights]}, NetState("TEST")).forward({"b0": rows})
    np.testing.assert_array_equal(blobs["p"], read)
    # While it learns, only the weights are rounded, up or down.
    trained = Executor(net, {"l": [weights]}, NetState("TRAIN")).forward({"b0": rows})
    np.testing.assert_array_equal(trained["p"], rows)
    low = np.floor(weights.clip(-2, 1.75) * 4) / 4
    near = [rows.astype(np.float64) @ low.T, rows.astype(np.float64) @ (low + 0.25).T]
    assert (
        np.abs(trained["t"] - np.mean(near, 0)) <= np.abs(rows).sum(1)[:, None] / 8 + 1e-5
    ).all()


def test_ristretto_s_weights_are_powers_of_two() -> None:
    rows = np.eye(4, dtype=np.float32)
    weights = np.array([[0.3, -0.3, 0, 5], [0.75, 0.2, -1e-6, 1]], np.float32)
    parameters = "precision: INTEGER_POWER_OF_2_WEIGHTS exp_min: -4"
    (found,) = tops(RISTRETTO % parameters, rows, weights=(weights,))
    assert found.T.tolist() == [[0.25, -0.25, 0.0625, 0.5], [0.5, 0.25, -0.0625, 0.5]]


def test_ristretto_s_small_floats_end_at_the_first_zero() -> None:
    rows = np.array([[1.3, -5.2, 300, 0.1, 0, 1.3]], np.float32)
    weights = np.eye(6, dtype=np.float32)
    layer = RISTRETTO.replace("num_output: 2", "num_output: 6")
    (found,) = tops(
        layer % "precision: MINIFLOAT mant_bits: 2 exp_bits: 4", rows, weights=(weights,)
    )
    # Of the weights the 1 and the first 0 are trimmed, which changes none of them.
    assert found[0, :5].tolist() == [1.25, -5, 320, 0.09375, 0]
    assert found[0, 5] == np.float32(1.3)
    with pytest.raises(ExecutionError, match="Xilinx"):
        tops(layer % "th_layer_in: 3.5", rows, weights=(weights,))


def test_happynear_s_normalize_divides_by_the_length_of_a_place() -> None:
    layer = 'type: "Normalize" top: "t" top: "length" normalize_param { normalize_type: "%s" }'
    squares = np.sqrt((X.astype(np.float64) ** 2).sum(1, keepdims=True) + 1e-6)
    for kind, wanted in (("L2", squares), ("L1", np.abs(X).sum(1, keepdims=True) + 1e-6)):
        found = tops(layer % kind, X)
        np.testing.assert_allclose(found[0], X / wanted, rtol=1e-6)
        np.testing.assert_allclose(found[1], wanted, rtol=1e-6)
    row = np.array([[3, 4]], np.float32)
    found = tops('type: "Normalize" top: "t"', row)
    assert found[0].shape == (1, 2, 1, 1)
    with pytest.raises(ExecutionError, match="neither L1 nor L2"):
        tops(layer % "L3", X)


def test_bn_of_yjxiong_keeps_moving_averages_while_it_learns() -> None:
    random = np.random.default_rng(4)
    data = (random.standard_normal((3, 2, 4, 5)) * 3 + 1).astype(np.float32)
    stored = [np.array(v, np.float32) for v in ([1, 2], [3, 4], [0.5, 6], [2, 0.25])]
    text = (
        "input: 'x' input_dim: [3, 2, 4, 5]\nlayer { name: 'l' type: 'BN' bottom: 'x' top: 't'"
        " bn_param { momentum: 0.75 eps: 0.01 %s } }\n"
    )
    gamma, beta, mean, variance = (v.astype(np.float64)[:, None, None] for v in stored)
    kept = gamma * (data - mean) / np.sqrt(variance + 0.01) + beta
    ours, our_variance = data.mean((0, 2, 3), np.float64), data.var((0, 2, 3), np.float64)
    learns = (data - ours[:, None, None]) / np.sqrt(our_variance + 0.01)[:, None, None]
    for phase, values, wanted in (
        ("TEST", "", kept), ("TRAIN", "frozen: true", kept), ("TRAIN", "", gamma * learns + beta)
    ):  # fmt: skip
        net = protolint.load(text % values, target="bvlc", isolated=True)
        executor = Executor(net, {"l": stored}, NetState(phase))
        np.testing.assert_allclose(executor.forward({"x": data})["t"], wanted, rtol=1e-4, atol=1e-5)
        after = executor.parameters["l"]
        if wanted is kept:
            assert all(np.array_equal(a, b) for a, b in zip(after, stored, strict=True))
    np.testing.assert_allclose(after[2], 0.75 * stored[2] + 0.25 * ours, rtol=1e-5)
    np.testing.assert_allclose(after[3], 0.75 * stored[3] + 0.25 * our_variance, rtol=1e-5)


def test_bn_of_segnet_learns_on_the_batch_and_infers_with_what_was_folded() -> None:
    data = X.repeat(2, 0) + np.arange(2, dtype=np.float32).reshape(2, 1, 1, 1)
    gamma, beta = np.array([2, 3], np.float32), np.array([1, -1], np.float32)
    layer = 'type: "BN" top: "t" bn_param { %s }'
    (found,) = tops(layer % "bn_mode: INFERENCE", data, weights=(gamma, beta))
    axes = (slice(None), None, None)
    np.testing.assert_allclose(found, data * gamma[axes] + beta[axes], rtol=1e-6)
    (found,) = tops(layer % "", data, weights=(gamma, beta))
    mean, variance = (f((0, 2, 3), np.float64)[axes] for f in (data.mean, data.var))
    wanted = (data - mean) / np.sqrt(variance + 1e-9) * gamma[axes] + beta[axes]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
