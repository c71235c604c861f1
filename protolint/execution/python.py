"""Python layers that public nets use, by the module and the class that `python_param` names.

SpatialDropoutLayer: spatial_dropout.py of TimoSaemann/ENet. The layers of an RPN: lib/rpn,
lib/fast_rcnn/bbox_transform.py and lib/utils/bbox.pyx @ rbgirshick/py-faster-rcnn 781a917 and
YuwenXiong/py-R-FCN 290dba7.
"""

from __future__ import annotations

import re

import numpy as np

from protolint.execution.step import Array, Function, Step
from protolint.record import NamedTuple

__all__ = ["FUNCTIONS"]

#: The overlap from which a proposal is dropped, and the least side of one.
_OVERLAP, _LEAST = 0.7, 16
_RATIOS, _SCALES = (0.5, 1, 2), (8, 16, 32)
#: How many anchors are learnt from, and how many of them may be positive; below and from which
#: overlap an anchor is negative or positive.
_ANCHORS, _POSITIVE, _LOW, _HIGH = 256, 128, 0.3, 0.7
#: The share of boxes that hold something, and the overlap from which one does.
_FULL, _HIT = 0.25, 0.5
_DEVIATIONS = np.array([0.1, 0.1, 0.2, 0.2])


class _Experiment(NamedTuple):
    """What a net is trained with, which its own text does not say (experiments/cfgs)."""

    #: How many proposals are looked at in TRAIN, and how many are kept.
    proposals: tuple[int, int] = (12000, 2000)
    #: How many boxes are learnt from; all without a number. The least overlap of an empty one.
    boxes: int | None = 128
    low: float = 0.0
    #: Whether the targets of anchors are divided by their deviations.
    divides: bool = False
    #: Whether all classes share their boxes; the tops have four axes then.
    agnostic: bool = False


def _experiment(step: Step) -> _Experiment:
    """Return the experiment that a net belongs to, by the layers that only it has."""
    types = {layer.type for layer in step.view.layers}
    if "PSROIPooling" not in types:
        return _Experiment()
    if "BoxAnnotatorOHEM" in types:
        return _Experiment((6000, 300), None, divides=True, agnostic=True)
    return _Experiment((6000, 300), low=0.1, agnostic=True)


def _setting(step: Step, key: str, value: str) -> str | None:
    """Return what a layer's param_str, YAML or a Python dictionary, gives for a key."""
    written = step.param("python_param").text("param_str")
    found = re.search(rf"""\b{key}\b["']?\s*:\s*["']?{value}""", written)
    return None if found is None else found[1]


def _number(step: Step, key: str) -> float:
    """Return the number that a layer's param_str gives; raises ExecutionError for none."""
    found = _setting(step, key, r"([\d.]+(?:[eE][+-]?\d+)?)")
    if found is None:
        raise step.error(f"param_str has no '{key}'")
    return float(found)


def _spatial_dropout(step: Step) -> list[Array]:
    """Drop whole channels; the phase is that of param_str, and TEST scales as well."""
    share, bottom = _number(step, "p"), step.bottom()
    kept = np.ones(bottom.shape[:2], bool)
    if _setting(step, "phase", "(TRAIN)"):
        kept = step.random.random(kept.shape) < 1 - share
    gain = (kept / (1 - share)).reshape(*kept.shape, *[1] * (bottom.ndim - 2))
    return [(bottom * gain).astype(np.float32)]


def _proposal(step: Step) -> list[Array]:
    """Return the best boxes of an RPN, (R, 5): the image and two corners; and their scores."""
    experiment, trains = _experiment(step), not step.tests
    count, boxes = _anchors(step)
    scores, moves, (height, width, scale) = step.bottom(), step.bottom(1), step.bottom(2)[0, :3]
    moves = moves.transpose(0, 2, 3, 1).reshape(-1, 4)
    if trains and experiment.divides:
        moves = moves * _DEVIATIONS
    scores = scores[:, count:].transpose(0, 2, 3, 1).reshape(-1)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    middles = boxes[:, :2] + 0.5 * sides + moves[:, :2] * sides
    halves = 0.5 * sides * np.exp(moves[:, 2:])
    ends = np.array([width - 1, height - 1])
    first, second = ((middles + way * halves).clip(0, ends) for way in (-1, 1))
    wide = ((second - first + 1) >= _LEAST * scale).all(1)
    boxes, scores = np.hstack([first, second])[wide], scores[wide]
    looked, most = experiment.proposals if trains else (6000, 300)
    order = np.argsort(-scores, kind="stable")[:looked]
    kept = _suppressed(boxes[order], most)
    boxes, scores = boxes[order][kept], scores[order][kept]
    tops = [np.hstack([np.zeros((len(boxes), 1)), boxes]), scores[:, None]]
    return [top.astype(np.float32) for top in tops[: max(1, len(step.layer.tops))]]


def _anchors(step: Step) -> tuple[int, Array]:
    """Return the anchors of a place, and their boxes at each place of the first bottom."""
    given = _setting(step, "scales", r"[^\[(]*[\[(]([\d\s,.]+)")
    scales = [float(n) for n in re.findall(r"[\d.]+", given)] if given else _SCALES
    boxes = []
    for ratio in _RATIOS:
        width = np.round(np.sqrt(256 / ratio))
        sides = np.array([width, np.round(width * ratio)])
        for scale in scales:
            half = 0.5 * (sides * scale - 1)
            boxes.append(np.concatenate([7.5 - half, 7.5 + half]))
    rows, columns = step.bottom().shape[2:]
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * _number(step, "feat_stride")
    places = np.stack([x, y, x, y], 1)[:, None]
    return len(boxes), (np.array(boxes)[None] + places).reshape(-1, 4)


def _suppressed(boxes: Array, most: int) -> list[int]:
    """Return so many boxes, best first, without those that overlap a better one."""
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[_overlaps(boxes[left], boxes[best : best + 1])[:, 0] < _OVERLAP]
    return kept


def _overlaps(boxes: Array, others: Array) -> Array:
    """Return what each box shares with each other, over both together; a pixel has a width."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    both = (high - low + 1).clip(0).prod(-1)
    sizes, others_sizes = ((b[:, 2:4] - b[:, :2] + 1).prod(1) for b in (boxes, others))
    result: Array = both / (sizes[:, None] + others_sizes - both)
    return result


def _moves(boxes: Array, wanted: Array) -> Array:
    """Return what moves each box to the one wanted of it."""
    sides, others = boxes[:, 2:] - boxes[:, :2] + 1, wanted[:, 2:4] - wanted[:, :2] + 1
    shifts = wanted[:, :2] + 0.5 * others - boxes[:, :2] - 0.5 * sides
    return np.hstack([shifts / sides, np.log(others / sides)])


def _anchor_targets(step: Step) -> list[Array]:
    """Say of each anchor whether it holds something, how to move it, and what that weighs."""
    count, boxes = _anchors(step)
    truths = _truths(step)
    height, width = step.bottom(2).reshape(-1)[:2]
    inside = np.flatnonzero((boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] < [width, height]).all(1))
    shares = _overlaps(boxes[inside], truths)
    best = shares.max(1)
    labels = np.where(best < _LOW, 0, -1)
    # Where no anchor meets a truth, all are its best (the comparison in anchor_target_layer.py).
    labels[(shares == shares.max(0)).any(1) | (best >= _HIGH)] = 1
    _drop(step, labels, 1, _POSITIVE)
    _drop(step, labels, 0, _ANCHORS - int((labels == 1).sum()))
    moves = _moves(boxes[inside], truths[shares.argmax(1)])
    if _experiment(step).divides:
        moves /= _DEVIATIONS
    weights = np.where(labels == 1, 1, 0)[:, None].repeat(4, 1)
    outer = np.where(labels >= 0, 1 / max((labels >= 0).sum(), 1), 0)[:, None].repeat(4, 1)
    rows, columns = step.bottom().shape[2:]
    tops = []
    for values, rest in ((labels[:, None], -1.0), (moves, 0.0), (weights, 0.0), (outer, 0.0)):
        top = np.full((len(boxes), values.shape[1]), rest, np.float32)
        top[inside] = values
        tops.append(top.reshape(1, rows, columns, -1).transpose(0, 3, 1, 2))
    return [tops[0].reshape(1, 1, count * rows, columns), *tops[1:]]


def _truths(step: Step) -> Array:
    """Return the rows of the second bottom: two corners and a class."""
    return step.bottom(1).reshape(len(step.bottom(1)), -1).astype(np.float64)


def _drop(step: Step, labels: Array, label: int, most: int) -> None:
    """Leave at most so many of a label, by chance; the others count for nothing."""
    places = np.flatnonzero(labels == label)
    if len(places) > most:
        labels[step.random.choice(places, len(places) - most, replace=False)] = -1


def _proposal_targets(step: Step) -> list[Array]:
    """Choose boxes to learn from; return them, their classes, and how to move them."""
    experiment, truths = _experiment(step), _truths(step)
    boxes = step.bottom().reshape(len(step.bottom()), -1).astype(np.float64)
    boxes = np.vstack([boxes, np.insert(truths[:, :4], 0, 0, 1)])
    if boxes[:, 0].any():
        raise step.error("only one image at a time is run")
    shares = _overlaps(boxes[:, 1:], truths)
    best, which = shares.max(1), shares.argmax(1)
    full = np.flatnonzero(best >= _HIT)
    empty = np.flatnonzero((best < _HIT) & (best >= experiment.low))
    most = experiment.boxes
    full = _some(step, full, None if most is None else round(most * _FULL))
    empty = _some(step, empty, None if most is None else most - len(full))
    kept = np.append(full, empty)
    labels = np.where(np.arange(len(kept)) < len(full), truths[which[kept], 4], 0).astype(int)
    found = np.zeros((len(kept), int(_number(step, "num_classes")), 4))
    hit = np.flatnonzero(labels)
    moves = _moves(boxes[kept, 1:], truths[which[kept]]) / _DEVIATIONS
    places = np.ones(len(hit), int) if experiment.agnostic else labels[hit]
    found[hit, places] = moves[hit]
    weights = np.zeros_like(found)
    weights[hit, places] = 1
    tops = [boxes[kept], labels, found, weights, weights]
    ends = [(-1, 1, 1) if experiment.agnostic else (-1,) * min(top.ndim - 1, 1) for top in tops]
    return [
        top.reshape(len(kept), *end).astype(np.float32) for top, end in zip(tops, ends, strict=True)
    ]


def _some(step: Step, places: Array, most: int | None) -> Array:
    """Return so many of some places, by chance; all, in any order, without a number."""
    return step.random.permutation(places)[:most]


FUNCTIONS: dict[str, Function] = {
    "rpn.anchor_target_layer.AnchorTargetLayer": _anchor_targets,
    "rpn.proposal_layer.ProposalLayer": _proposal,
    "rpn.proposal_target_layer.ProposalTargetLayer": _proposal_targets,
    "spatial_dropout.SpatialDropoutLayer": _spatial_dropout,
}
