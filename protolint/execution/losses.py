"""Softmax, the losses, Accuracy and ArgMax.

A loss's top holds the loss itself; `loss_weight` counts only in the sum of a net. Sources: the
layer's own file in src/caffe/layers @ BVLC master, NVIDIA v0.15.14 and v0.17.4;
smooth_L1_loss_layer.cu @ rbgirshick/caffe-fast-rcnn 4115385 and NVIDIA v0.17.4.
"""

from __future__ import annotations

from math import prod

import numpy as np

from protolint.caffe.binder import Message
from protolint.execution.step import Array, Foreign, Function, Step
from protolint.execution.weights import read_blob

__all__ = [
    "FUNCTIONS", "chosen_losses", "mode_of", "normalizer", "smooth_l1_each", "softmax",
]  # fmt: skip

_SMALLEST = np.finfo(np.float32).tiny
#: kLOG_THRESHOLD in loss_layer.hpp.
_THRESHOLD = np.float32(1e-20)


def softmax(values: Array, axis: int) -> Array:
    """Return the values along an axis as shares of 1."""
    powers = np.exp(values - values.max(axis, keepdims=True))
    result: Array = powers / powers.sum(axis, keepdims=True)
    return result


def _softmax(step: Step) -> list[Array]:
    return [softmax(step.bottom(), step.axis(step.param("softmax_param").integer("axis")))]


def _scalar(value: float) -> list[Array]:
    return [np.asarray(value, np.float32)]


def _ignored(param: Message, name: str = "ignore_label") -> int | None:
    return param.integer(name) if name in param else None


def _labels(step: Step, shape: tuple[int, ...], ignored: int | None, classes: int) -> Array:
    """Return the labels in a shape; raises ExecutionError for one that is no class."""
    given = step.bottom(1)
    if given.size != prod(shape):
        raise step.error(f"has {given.size} labels for {prod(shape)} places")
    labels = given.reshape(shape).astype(np.int64)
    outside = (labels < 0) | (labels >= classes)
    if ignored is not None:
        outside &= labels != ignored
    if outside.any():
        raise step.error(f"label {labels[outside][0]} is none of its {classes} classes")
    return labels


def mode_of(param: Message | Foreign, default: str) -> str:
    """Return the NormalizationMode of a loss_param; `normalize` is its older form."""
    if "normalization" in param:
        return param.text("normalization")
    if "normalize" in param:
        return "VALID" if param.flag("normalize") else "BATCH_SIZE"
    return default


def normalizer(mode: str, outer: int, inner: int, valid: int) -> float:
    """Return what a loss is divided by, at least 1 (GetNormalizer in softmax_loss_layer.cpp)."""
    sizes = {"FULL": outer * inner, "VALID": valid, "BATCH_SIZE": outer, "NONE": 1}
    return max(1.0, float(sizes.get(mode, 1)))


def _chosen(step: Step, shares: Array, axis: int) -> tuple[Array, Array, tuple[int, int, int]]:
    """Return shares (outer, classes, inner), labels (outer, inner), and outer, inner, valid."""
    outer, classes = prod(shares.shape[:axis]), shares.shape[axis]
    shares = shares.reshape(outer, classes, -1)
    inner = shares.shape[2]
    ignored = _ignored(step.param("loss_param"))
    labels = _labels(step, (outer, inner), ignored, classes)
    valid = labels.size if ignored is None else int((labels != ignored).sum())
    return shares, labels, (outer, inner, valid)


def chosen_losses(step: Step) -> tuple[Array, Array, tuple[int, int, int]]:
    """Return the probabilities, the loss of each label, 0 for an ignored one, and the sizes."""
    axis = step.axis(step.param("softmax_param").integer("axis"))
    whole = softmax(step.bottom(), axis)
    shares, labels, sizes = _chosen(step, whole, axis)
    ignored = _ignored(step.param("loss_param"))
    kept = labels != ignored if ignored is not None else np.ones(labels.shape, bool)
    right = np.take_along_axis(shares, np.where(kept, labels, 0)[:, None], 1)[:, 0]
    return whole, np.where(kept, -np.log(np.maximum(right, _SMALLEST)), 0), sizes


def _softmax_loss(step: Step) -> list[Array]:
    whole, losses, sizes = chosen_losses(step)
    mode = mode_of(step.param("loss_param"), "VALID")
    return [*_scalar(losses.sum(dtype=np.float64) / normalizer(mode, *sizes)), whole]


def _infogain_loss(step: Step) -> list[Array]:
    """As SoftmaxWithLoss, with a matrix of what each class is worth as another."""
    param = step.param("infogain_loss_param")
    matrix = step.bottom(2) if len(step.bottoms) > 2 else _matrix(step, param.text("source"))
    axis = step.axis(param.integer("axis") if "axis" in param else 1)
    whole = softmax(step.bottom(), axis)
    shares, labels, sizes = _chosen(step, whole, axis)
    ignored = _ignored(step.param("loss_param"))
    if matrix.size != shares.shape[1] ** 2:
        raise step.error(f"its matrix has {matrix.size} values for {shares.shape[1]} classes")
    worth = matrix.reshape(shares.shape[1], -1)[np.where(labels == ignored, 0, labels)]
    logs = np.log(np.maximum(shares, _THRESHOLD)).transpose(0, 2, 1)
    losses = -(worth * logs).sum(-1, dtype=np.float64)
    loss = losses[labels != ignored].sum() if ignored is not None else losses.sum()
    mode = mode_of(step.param("loss_param"), "VALID")
    return [*_scalar(loss / normalizer(mode, *sizes)), whole]


def _matrix(step: Step, source: str) -> Array:
    """Return the matrix in a file, there or beside the net; a layer reads it once."""
    if "matrix" not in step.memory:
        path = step.file(source)
        if path is None:
            raise step.error(f"its source '{source}' is not there; give its third bottom")
        step.memory["matrix"] = read_blob(path)
    found: Array = step.memory["matrix"]
    return found


def _sigmoid_loss(step: Step) -> list[Array]:
    """Ignore labels and divide by other numbers only where this Caffe reads loss_param."""
    values, targets = step.bottom(), step.bottom(1)
    if values.size != targets.size:
        raise step.error(f"has {targets.size} targets for {values.size} values")
    targets = targets.reshape(values.shape)
    positive = values >= 0
    losses = np.log(1 + np.exp(values - 2 * values * positive)) - values * (targets - positive)
    outer, inner = len(values), values.size // max(len(values), 1)
    if not step.dialect.sigmoid_loss_reads_loss_param:
        return _scalar(losses.sum(dtype=np.float64) / outer)
    param = step.param("loss_param")
    ignored = _ignored(param)
    kept = np.ones(values.shape, bool) if ignored is None else targets.astype(int) != ignored
    loss = losses[kept].sum(dtype=np.float64)
    mode = mode_of(param, "BATCH_SIZE")
    return _scalar(loss / normalizer(mode, outer, inner, int(kept.sum())))


def _differences(step: Step) -> Array:
    first, second = step.bottom(), step.bottom(1)
    if first.size != second.size:
        raise step.error(f"its bottoms have {first.size} and {second.size} values")
    return first - second.reshape(first.shape)


def _euclidean_loss(step: Step) -> list[Array]:
    difference = _differences(step)
    return _scalar(np.square(difference).sum(dtype=np.float64) / len(difference) / 2)


def _l1_loss(step: Step) -> list[Array]:
    difference = _differences(step)
    return _scalar(np.abs(difference).sum(dtype=np.float64) / len(difference))


def smooth_l1_each(difference: Array, sigma: float = 1.0) -> Array:
    """Return x² / 2 near 0 and |x| - 1/2 elsewhere, as float64."""
    wide, square = np.abs(difference).astype(np.float64), sigma * sigma
    found: Array = np.where(wide < 1 / square, square * wide**2 / 2, wide - 0.5 / square)
    return found


def _smooth_l1_loss(step: Step) -> list[Array]:
    """Weigh the differences by a third bottom, and their losses by a fourth."""
    difference = _differences(step)
    if len(step.bottoms) > 2:
        difference = difference * step.bottom(2).reshape(difference.shape)
    sigma = step.foreign("smooth_l1_loss_param").number("sigma", 1)
    losses = smooth_l1_each(difference, sigma)
    if len(step.bottoms) > 3:
        losses *= step.bottom(3).reshape(losses.shape)
    return _scalar(losses.sum() / len(difference))


def _hinge_loss(step: Step) -> list[Array]:
    values = step.bottom().reshape(len(step.bottom()), -1).copy()
    labels = _labels(step, (len(values),), None, values.shape[1])
    values[np.arange(len(values)), labels] *= -1
    margins = np.maximum(0, 1 + values)
    if step.param("hinge_loss_param").text("norm") == "L2":
        margins = margins**2
    return _scalar(margins.sum(dtype=np.float64) / len(values))


def _multinomial_loss(step: Step) -> list[Array]:
    values = step.bottom().reshape(len(step.bottom()), -1)
    labels = _labels(step, (len(values),), None, values.shape[1])
    right = np.maximum(values[np.arange(len(values)), labels], _THRESHOLD)
    return _scalar(-np.log(right).sum(dtype=np.float64) / len(values))


def _contrastive_loss(step: Step) -> list[Array]:
    param, difference = step.param("contrastive_loss_param"), _differences(step)
    margin = np.float32(param.number("margin"))
    squares = np.square(difference.reshape(len(difference), -1)).sum(1)
    alike = step.bottom(2).reshape(-1).astype(int) != 0
    if param.flag("legacy_version"):
        apart = np.maximum(margin - squares, 0)
    else:
        apart = np.maximum(margin - np.sqrt(squares), 0) ** 2
    losses = np.where(alike, squares, apart)
    return _scalar(losses.sum(dtype=np.float64) / len(difference) / 2)


def _accuracy(step: Step) -> list[Array]:
    """Return the share of labels among the top_k.

    What is as large as the label's value counts too.
    """
    param, bottom = step.param("accuracy_param"), step.bottom()
    axis, ignored = step.axis(param.integer("axis")), _ignored(param)
    classes, outer = bottom.shape[axis], prod(bottom.shape[:axis])
    values = bottom.reshape(outer, classes, -1)
    labels = _labels(step, (outer, values.shape[2]), ignored, classes)
    kept = np.ones(labels.shape, bool) if ignored is None else labels != ignored
    safe = np.where(kept, labels, 0)
    right = np.take_along_axis(values, safe[:, None], 1)
    if step.dialect.accuracy_counts_ties_as_wrong:
        better = (values >= right).sum(1) - 1
    else:
        # Pairs of value and class are compared, so that of equal values the last class wins.
        behind = np.arange(classes)[None, :, None] > safe[:, None]
        better = ((values > right) | ((values == right) & behind)).sum(1)
    hit = kept & (better < param.integer("top_k"))
    none = 0.0 if step.dialect.accuracy_counts_ties_as_wrong else np.nan
    tops = _scalar(hit.sum() / kept.sum() if kept.any() else none)
    if len(step.layer.tops) > 1:
        counts = np.bincount(safe[kept], minlength=classes)
        hits = np.bincount(safe[hit], minlength=classes)
        tops.append((hits / np.maximum(counts, 1)).astype(np.float32))
    return tops


def _arg_max(step: Step) -> list[Array]:
    """Of equal values the one with the larger place comes first."""
    param, bottom = step.param("argmax_param"), step.bottom()
    count, values = param.integer("top_k"), param.flag("out_max_val")
    if "axis" in param:
        axis = step.axis(param.integer("axis"))
        rows = np.moveaxis(bottom, axis, -1)
    else:
        rows = bottom.reshape(len(bottom), -1)
    order = rows.shape[-1] - 1 - np.argsort(-rows[..., ::-1], -1, kind="stable")[..., :count]
    best = np.take_along_axis(rows, order, -1)
    if "axis" in param:
        return [np.moveaxis(best if values else order, -1, axis).astype(np.float32)]
    found = np.stack([order, best], 1) if values else order[:, None]
    return [found.astype(np.float32).reshape(*found.shape, *[1] * (bottom.ndim - 3))]


FUNCTIONS: dict[str, Function] = {
    "Accuracy": _accuracy,
    "ArgMax": _arg_max,
    "ContrastiveLoss": _contrastive_loss,
    "EuclideanLoss": _euclidean_loss,
    "HingeLoss": _hinge_loss,
    "InfogainLoss": _infogain_loss,
    "L1Loss": _l1_loss,
    "MultinomialLogisticLoss": _multinomial_loss,
    "SigmoidCrossEntropyLoss": _sigmoid_loss,
    "SMOOTH_L1_LOSS": _smooth_l1_loss,
    "SmoothL1Loss": _smooth_l1_loss,
    "Softmax": _softmax,
    "SoftmaxWithLoss": _softmax_loss,
}
