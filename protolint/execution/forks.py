"""Layers of forks that no schema here has; their parameters are read as they are written.

Flip, Insanity, InnerDistance, ChannelScale: the layer's own file @ happynear/caffe-windows.
SmoothL1LossOHEM, SoftmaxWithLossOHEM, BoxAnnotatorOHEM: smooth_L1_loss_ohem_layer.cu,
softmax_loss_ohem_layer.cu, box_annotator_ohem_layer.cu @ Microsoft/caffe. SeLu, SeLuDropout:
selu_layer.cpp, selu_dropout_layer.cpp @ jolibrain/caffe. SegAccuracy: seg_accuracy_layer.cpp,
confusion_matrix.cpp @ hszhao/PSPNet.
"""

from __future__ import annotations

import math

import numpy as np

from protolint.execution.losses import chosen_losses, mode_of, normalizer, smooth_l1_each
from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS"]


def _flip(step: Step) -> list[Array]:
    given, top = step.foreign("flip_param"), step.bottom()
    if given.flag("flip_width", default=True):
        top = top[..., ::-1]
    if given.flag("flip_height"):
        top = top[..., ::-1, :]
    return [top.copy()]


def _insanity(step: Step) -> list[Array]:
    """Divide what is below 0 by a slope: one for each value in TRAIN, their mean in TEST."""
    given = step.foreign("insanity_param")
    low, high = given.number("lb", 5), given.number("ub", 10)
    slope: Array = np.float32((high - low) / (math.log(abs(high)) - math.log(abs(low))))
    if not step.tests:
        slope = step.random.uniform(low, high, step.bottom().shape).astype(np.float32)
    return [np.maximum(step.bottom(), 0) + np.minimum(step.bottom(), 0) / slope]


def _inner_distance(step: Step) -> list[Array]:
    """Return the distance of each item from each centre, a row of the blob or the second bottom."""
    given, bottom = step.foreign("inner_distance_param"), step.bottom()
    axis = step.axis(given.integer("axis", 1))
    rows = bottom.reshape(math.prod(bottom.shape[:axis]), -1)
    if given.flag("transpose"):
        raise step.error("transpose is not run")
    if len(step.bottoms) > 1:
        centres = step.bottom(1).reshape(len(step.bottom(1)), -1)
    else:
        centres = step.blob(0, (given.integer("num_output", 0), rows.shape[1]))
        if given.flag("normalize"):
            centres /= np.sqrt((centres * centres).sum(1, keepdims=True) + np.float32(1e-6))
    gaps = rows[:, None] - centres[None]
    squares = given.text("distance_type", "L2") == "L2"
    top = (gaps * gaps if squares else np.abs(gaps)).sum(-1)
    return [top.reshape(*bottom.shape[:axis], len(centres))]


def _channel_scale(step: Step) -> list[Array]:
    """Multiply each place by a value of the second bottom, or all by one that is learnt."""
    given, bottom = step.foreign("channel_scale_param"), step.bottom()
    if not given.flag("do_forward", default=True):
        return [bottom.copy()]
    if given.flag("global_scale"):
        scale = step.blob(0, (1,))
        low, high = given.number("min_global_scale", 0), given.number("max_global_scale", 1000)
        scale[...] = scale.clip(low, high)
        return [bottom * scale, scale.copy()]
    return [bottom * step.bottom(1).reshape(len(bottom), 1, *bottom.shape[2:])]


def _selu(step: Step) -> list[Array]:
    given, bottom = step.foreign("selu_param"), step.bottom()
    scale = np.float32(given.number("lambda", 1.050700987))
    alpha = np.float32(given.number("alpha", 1.67326324))
    below = alpha * (np.exp(np.minimum(bottom, 0)) - 1)
    return [scale * np.where(bottom > 0, bottom, below)]


def _selu_dropout(step: Step) -> list[Array]:
    if step.tests:
        return [step.bottom().copy()]
    given = step.foreign("selu_dropout_param")
    ratio, alpha = given.number("dropout_ratio", 0.1), given.number("alpha", -1.75809934)
    kept = 1 - ratio
    gain = (kept * (1 + alpha * alpha * (1 - kept))) ** -0.5
    mask = step.random.random(step.bottom().shape) >= ratio
    top = gain * np.where(mask, step.bottom(), np.float32(alpha)) - gain * (1 - kept) * alpha
    return [top.astype(np.float32)]


def _smooth_l1_ohem(step: Step) -> list[Array]:
    """Return the loss, and that of each box."""
    difference = step.bottom() - step.bottom(1).reshape(step.bottom().shape)
    if len(step.bottoms) > 2:
        difference = difference * step.bottom(2).reshape(difference.shape)
    losses = smooth_l1_each(difference)
    places = math.prod(difference.shape[2:])
    divisor = _divisor(step, len(difference), places, len(difference) * places)
    total = np.asarray(losses.sum() / divisor, np.float32)
    return [total, losses.sum(1, keepdims=True).astype(np.float32)]


def _softmax_ohem(step: Step) -> list[Array]:
    """Return the loss, the probabilities, and the loss of each place."""
    whole, losses, (outer, inner, valid) = chosen_losses(step)
    total = losses.sum(dtype=np.float64) / _divisor(step, outer, inner, valid)
    return [np.asarray(total, np.float32), whole, losses.reshape(step.bottom(1).shape)]


def _divisor(step: Step, outer: int, inner: int, valid: int) -> float:
    """Return what a loss is divided by; PRE_FIXED is a number of the layer's own."""
    given = step.foreign("loss_param")
    mode = mode_of(given, "VALID")
    if mode == "PRE_FIXED":
        return max(1.0, given.number("pre_fixed_normalizer", 1))
    return normalizer(mode, outer, inner, valid)


def _box_annotator_ohem(step: Step) -> list[Array]:
    """Keep the labels and box weights of the boxes with the largest losses of each image."""
    given = step.foreign("box_annotator_ohem_param")
    most = given.integer("roi_per_img", 0)
    boxes, losses, labels, weights = (step.bottom(i) for i in range(4))
    places = math.prod(boxes.shape[2:])
    images = boxes.reshape(len(boxes), 5, places)[:, 0].reshape(-1).astype(int)
    order = np.argsort(-losses.reshape(-1), kind="stable")
    kept = np.zeros(len(images), bool)
    for image in np.unique(images):
        kept[[i for i in order if images[i] == image][:most]] = True
    ignored = np.float32(given.number("ignore_label", -1))
    mask = kept.reshape(len(boxes), 1, *boxes.shape[2:])
    shape = (len(boxes), 1, *boxes.shape[2:])
    return [np.where(mask, labels.reshape(shape), ignored), weights * mask]


def _seg_accuracy(step: Step) -> list[Array]:
    """Return the share of right pixels, the mean of it over classes, and the mean overlap."""
    given, scores = step.foreign("seg_accuracy_param"), step.bottom()
    ignored = [int(label) for label in given.fields.get("ignore_label", [])]
    labels = step.bottom(1).astype(int).reshape(-1)
    # Of equal scores the last class counts (std::greater on pairs).
    classes = scores.shape[1]
    found = classes - 1 - scores[:, ::-1].argmax(1).reshape(-1)
    valid = ~np.isin(labels, ignored)
    if ((labels < 0) | (labels >= classes))[valid].any():
        raise step.error("has a label that is no class and is not ignored")
    counts = step.memory.get("counts", np.zeros((classes, classes)))
    if given.flag("reset", default=True):
        counts = np.zeros_like(counts)
    np.add.at(counts, (labels[valid], found[valid]), 1)
    step.memory["counts"] = counts
    right, rows, columns = counts.diagonal(), counts.sum(1), counts.sum(0)
    union = rows + columns - right
    recalls = right[rows > 0] / rows[rows > 0]
    overlaps = np.where(union == right, 1, right / np.maximum(union, 1))
    total = right.sum() / max(counts.sum(), 1)
    mean = recalls.mean() if len(recalls) else 0
    return [np.array([total, mean, overlaps.mean()], np.float32).reshape(1, 1, 1, 3)]


FUNCTIONS: dict[str, Function] = {
    "BoxAnnotatorOHEM": _box_annotator_ohem,
    "ChannelScale": _channel_scale,
    "Flip": _flip,
    "InnerDistance": _inner_distance,
    "Insanity": _insanity,
    "SeLu": _selu,
    "SeLuDropout": _selu_dropout,
    "SegAccuracy": _seg_accuracy,
    "SmoothL1LossOHEM": _smooth_l1_ohem,
    "SoftmaxWithLossOHEM": _softmax_ohem,
}
