"""Python layers that public nets use, by the module and the class that `python_param` names.

SpatialDropoutLayer: spatial_dropout.py of TimoSaemann/ENet. ProposalLayer: proposal_layer.py in
lib/rpn @ rbgirshick/py-faster-rcnn, YuwenXiong/py-R-FCN, with the numbers of their config.py.
"""

from __future__ import annotations

import re

import numpy as np

from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS"]

#: How many boxes are looked at, and how many are kept, of a phase; the overlap and the least side.
_BOXES = {"TRAIN": (12000, 2000), "TEST": (6000, 300)}
_OVERLAP, _LEAST = 0.7, 16
_RATIOS, _SCALES = (0.5, 1, 2), (8, 16, 32)


def _spatial_dropout(step: Step) -> list[Array]:
    """Drop whole channels; the phase is that of param_str, and TEST scales as well."""
    said = step.param("python_param").text("param_str")
    found = re.search(r"'p'\s*:\s*'?([\d.eE+-]+)", said)
    if found is None:
        raise step.error("param_str has no 'p'")
    share, bottom = float(found[1]), step.bottom()
    kept = np.ones(bottom.shape[:2], bool)
    if re.search(r"'phase'\s*:\s*'TRAIN'", said):
        kept = step.random.random(kept.shape) < 1 - share
    gain = (kept / (1 - share)).reshape(*kept.shape, *[1] * (bottom.ndim - 2))
    return [(bottom * gain).astype(np.float32)]


def _proposal(step: Step) -> list[Array]:
    """Return the best boxes of an RPN, (R, 5): the image and two corners; and their scores."""
    said = step.param("python_param").text("param_str")
    stride = re.search(r"'feat_stride'\s*:\s*(\d+)", said)
    if stride is None:
        raise step.error("param_str has no 'feat_stride'")
    given = re.search(r"'scales'\s*:[^\[(]*[\[(]([\d\s,.]+)", said)
    scales = [float(n) for n in re.findall(r"[\d.]+", given[1])] if given else _SCALES
    anchors = _anchors(scales)
    scores, moves, (height, width, scale) = step.bottom(), step.bottom(1), step.bottom(2)[0, :3]
    rows, columns = scores.shape[2:]
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * int(stride[1])
    boxes = (anchors[None] + np.stack([x, y, x, y], 1)[:, None]).reshape(-1, 4)
    moves = moves.transpose(0, 2, 3, 1).reshape(-1, 4)
    scores = scores[:, len(anchors) :].transpose(0, 2, 3, 1).reshape(-1)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    middles = boxes[:, :2] + 0.5 * sides + moves[:, :2] * sides
    halves = 0.5 * sides * np.exp(moves[:, 2:])
    ends = np.array([width - 1, height - 1])
    first, second = ((middles + way * halves).clip(0, ends) for way in (-1, 1))
    wide = ((second - first + 1) >= _LEAST * scale).all(1)
    boxes, scores = np.hstack([first, second])[wide], scores[wide]
    looked, most = _BOXES[step.phase]
    order = np.argsort(-scores, kind="stable")[:looked]
    kept = _suppressed(boxes[order])[:most]
    boxes, scores = boxes[order][kept], scores[order][kept]
    tops = [np.hstack([np.zeros((len(boxes), 1)), boxes]), scores[:, None]]
    return [top.astype(np.float32) for top in tops[: max(1, len(step.layer.tops))]]


def _anchors(scales: Array | list[float] | tuple[int, ...]) -> Array:
    """Return the boxes around the first cell, (A, 4): each ratio in each scale."""
    found = []
    for ratio in _RATIOS:
        width = np.round(np.sqrt(256 / ratio))
        sides = np.array([width, np.round(width * ratio)])
        for scale in scales:
            half = 0.5 * (sides * scale - 1)
            found.append(np.concatenate([7.5 - half, 7.5 + half]))
    return np.array(found)


def _suppressed(boxes: Array) -> list[int]:
    """Return the boxes, best first, without those that overlap a better one; a pixel counts."""
    sizes = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    left, kept = np.arange(len(boxes)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        corner = np.minimum(boxes[best, 2:], boxes[left, 2:])
        both = (corner - np.maximum(boxes[best, :2], boxes[left, :2]) + 1).clip(0).prod(1)
        left = left[both / (sizes[best] + sizes[left] - both) < _OVERLAP]
    return kept


FUNCTIONS: dict[str, Function] = {
    "rpn.proposal_layer.ProposalLayer": _proposal,
    "spatial_dropout.SpatialDropoutLayer": _spatial_dropout,
}
