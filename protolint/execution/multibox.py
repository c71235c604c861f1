"""SSD's MultiBoxLoss: match boxes with priors, mine examples, and add two losses.

Sources: multibox_loss_layer.cpp and util/bbox_util.cpp @ weiliu89/caffe ssd.
"""

from __future__ import annotations

import numpy as np

from protolint.caffe.binder import Message
from protolint.execution.detection import areas, decoded, overlaps, predictions
from protolint.execution.losses import mode_of, normalizer, smooth_l1_each, softmax
from protolint.execution.step import Array, Function, Step
from protolint.record import NamedTuple

__all__ = ["FUNCTIONS"]

_SMALLEST = np.finfo(np.float32).tiny


class _Image(NamedTuple):
    """One image: its places (kinds, boxes, 4), scores (boxes, classes), truths, and matches.

    `matches` gives for each class of places, -1 for all, the truth of each prior: -1 for
    none, -2 for a prior that is left out.
    """

    places: dict[int, Array]
    scores: Array
    truths: Array
    matches: dict[int, Array]
    overlaps: dict[int, Array]


def _multibox_loss(step: Step) -> list[Array]:
    param = step.param("multibox_loss_param")
    found, places, scores = predictions(step, param)
    (images, count), shares = scores.shape[:2], param.flag("share_location")
    rows = step.bottom(3).reshape(-1, 8)
    rows = rows[rows[:, 0] != -1]
    if not param.flag("use_difficult_gt"):
        rows = rows[rows[:, 7] == 0]
    all_images = []
    for i in range(images):
        own = {-1 if shares else k: places[i, :, k] for k in range(places.shape[2])}
        image = _Image(own, scores[i], rows[rows[:, 0] == i], {}, {})
        if len(image.truths):
            _match(step, param, found, image)
        all_images.append(image)
    mines = param.text("mining_type") != "NONE"
    negatives = [
        _mine(step, param, found, image) if mines else np.empty(0, int) for image in all_images
    ]
    matched = sum(int((m > -1).sum()) for image in all_images for m in image.matches.values())
    place_loss = sum(
        float(_place_losses(step, param, found, image, label).sum())
        for image in all_images
        for label in image.matches
    )
    score_loss = _score_loss(param, all_images, negatives, mines=mines)
    divisor = normalizer(mode_of(step.param("loss_param"), "VALID"), images, count, matched)
    counted = [flag for flag, _ in step.layer.message.values.get("propagate_down", ())]
    total = 0.0
    if not counted or counted[0]:
        total += param.number("loc_weight") * place_loss / divisor
    if len(counted) < 2 or counted[1]:
        total += score_loss / divisor
    return [np.asarray(total, np.float32)]


def _match(step: Step, param: Message, found: tuple[Array, Array], image: _Image) -> None:
    """Fill in which prior, or which predicted box, belongs to which truth."""
    background = param.integer("background_label_id")
    labels = image.truths[:, 1].astype(int)
    if param.flag("use_prior_for_matching"):
        match, shares = _matched(param, found[0], image.truths, -1)
        for label in image.places:
            if label == -1:
                image.matches[label], image.overlaps[label] = match, shares
            elif label != background:
                right = (match > -1) & (labels[np.maximum(match, 0)] == label)
                image.matches[label] = np.where(right, match, -1)
                image.overlaps[label] = shares
        return
    for label, values in image.places.items():
        if label == -1 or label != background:
            boxes = _decoded(step, param, found, values)
            image.matches[label], image.overlaps[label] = _matched(
                param, boxes, image.truths, label
            )


def _decoded(step: Step, param: Message, found: tuple[Array, Array], values: Array) -> Array:
    in_target = param.flag("encode_variance_in_target")
    return decoded(step, found, values, param.text("code_type"), in_target=in_target)


def _matched(param: Message, boxes: Array, truths: Array, label: int) -> tuple[Array, Array]:
    """Return the truth of each box, and how far they overlap (MatchBBox)."""
    match, best = np.full(len(boxes), -1), np.zeros(len(boxes), np.float32)
    own = np.arange(len(truths)) if label == -1 else np.flatnonzero(truths[:, 1] == label)
    if not len(own):
        return match, best
    if param.flag("ignore_cross_boundary_bbox"):
        match[((boxes < 0) | (boxes > 1)).any(1)] = -2
    table = np.stack([overlaps(truths[i, 3:7], boxes) for i in own], 1)
    table[(table <= 1e-6) | (match == -2)[:, None]] = 0
    best = table.max(1)
    left = table.copy()
    for _ in own:
        i, j = np.unravel_index(left.argmax(), left.shape)
        if left[i, j] <= 0:
            break
        match[i], best[i] = own[j], left[i, j]
        left[i], left[:, j] = 0, 0
    if param.text("match_type") == "PER_PREDICTION":
        free = (match == -1) & (table.max(1) >= np.float32(param.number("overlap_threshold")))
        free &= table.max(1) > 0
        match[free], best[free] = own[table.argmax(1)[free]], table.max(1)[free]
    return match, best


def _encoded(
    step: Step, param: Message, found: tuple[Array, Array], image: _Image, label: int
) -> tuple[Array, Array]:
    """Return the predicted and the wanted values of the matched priors, each (matches, 4)."""
    match = image.matches[label]
    chosen = np.flatnonzero(match > -1)
    boxes, variances = found[0][chosen], found[1][chosen]
    truths, values = image.truths[match[chosen], 3:7], image.places[label][chosen]
    sizes = boxes[:, 2:] - boxes[:, :2]
    code = param.text("code_type")
    if code == "CORNER":
        wanted = truths - boxes
    elif code == "CORNER_SIZE":
        wanted = (truths - boxes) / np.tile(sizes, 2)
    else:
        moved = (truths[:, :2] + truths[:, 2:]) / 2 - (boxes[:, :2] + boxes[:, 2:]) / 2
        grown = np.log((truths[:, 2:] - truths[:, :2]) / sizes)
        wanted = np.concatenate([moved / sizes, grown], 1)
    if not param.flag("encode_variance_in_target"):
        wanted = wanted / variances
    if param.flag("bp_inside"):
        inside = boxes
        if not param.flag("use_prior_for_matching"):
            inside = _decoded(step, param, (boxes, variances), values)
        values = np.where((inside < 0) | (inside > 1), wanted, values)
    if param.flag("encode_variance_in_target"):
        return values / variances, wanted / variances
    return values, wanted


def _place_losses(
    step: Step, param: Message, found: tuple[Array, Array], image: _Image, label: int
) -> Array:
    """Return the losses of the places of the matched priors, each (matches, 4)."""
    values, wanted = _encoded(step, param, found, image, label)
    difference = values - wanted
    if param.text("loc_loss_type") == "L2":
        squares: Array = np.square(difference, dtype=np.float64) / 2
        return squares
    return smooth_l1_each(difference)


def _score_losses(param: Message, image: _Image) -> Array:
    """Return the loss of each prior's scores, by the class of what it is matched with."""
    labels = np.full(len(image.scores), param.integer("background_label_id"))
    for match in reversed(list(image.matches.values())):
        labels = np.where(match > -1, _labels_of(image, match), labels)
    return _row_losses(param, image.scores, labels)


def _row_losses(param: Message, scores: Array, labels: Array) -> Array:
    """Return the loss of each row of scores, by its class."""
    if param.text("conf_loss_type") == "SOFTMAX":
        return _softmax_losses(scores, labels)
    return _logistic(scores, labels[:, None] == np.arange(scores.shape[1]))


def _labels_of(image: _Image, match: Array) -> Array:
    if not len(image.truths):
        return np.zeros(len(match), int)
    labels: Array = image.truths[np.maximum(match, 0), 1].astype(int)
    return labels


def _logistic(scores: Array, targets: Array) -> Array:
    positive = scores >= 0
    each = np.log(1 + np.exp(scores - 2 * scores * positive)) - scores * (targets - 1.0 * positive)
    result: Array = each.sum(1)
    return result


def _mine(step: Step, param: Message, found: tuple[Array, Array], image: _Image) -> Array:
    """Return the priors that count as negative; hard mining drops matches too."""
    kind = param.text("mining_type")
    losses = _score_losses(param, image)
    if kind == "HARD_EXAMPLE":
        for label, match in image.matches.items():
            losses[match > -1] += _place_losses(step, param, found, image, label).sum(1)
    chosen: set[int] = set()
    negatives: list[int] = []
    for label, match in image.matches.items():
        if kind == "MAX_NEGATIVE":
            low = image.overlaps[label] < np.float32(param.number("neg_overlap"))
            able = np.flatnonzero((match == -1) & low)
            positives = int((match > -1).sum())
            most = min(int(positives * np.float32(param.number("neg_pos_ratio"))), len(able))
        else:
            able = np.arange(len(match))
            most = min(param.integer("sample_size"), len(able))
        nms = param.message("nms_param")
        if nms is not None and nms.number("nms_threshold") > 0:
            boxes = found[0]
            if not param.flag("use_prior_for_nms"):
                boxes = _decoded(step, param, found, image.places[label])
            order = _spread(boxes[able], losses[able], nms)
        else:
            order = list(np.argsort(-losses[able], kind="stable"))
        chosen.update(int(able[i]) for i in order[:most])
        unmatched = np.flatnonzero(match == -1)
        if kind == "HARD_EXAMPLE":
            match[[i for i in np.flatnonzero(match > -1) if int(i) not in chosen]] = -1
        negatives += [int(i) for i in unmatched if int(i) in chosen]
    return np.asarray(negatives, int)


def _spread(boxes: Array, losses: Array, nms: Message) -> list[int]:
    """Return the boxes by their loss, without those that overlap one of more (ApplyNMS)."""
    order, most = np.argsort(-losses, kind="stable"), nms.integer("top_k")
    if "top_k" in nms and most > -1:
        order = order[:most]
    order = order[areas(boxes[order]) >= np.float32(1e-5)]
    kept: list[int] = []
    while len(order) and not (-1 < most <= len(kept)):
        kept.append(int(order[0]))
        shares = overlaps(boxes[order[0]], boxes[order[1:]])
        order = order[1:][shares <= np.float32(nms.number("nms_threshold"))]
    return kept


def _score_loss(
    param: Message, images: list[_Image], negatives: list[Array], *, mines: bool
) -> float:
    """Return the sum of the losses of the scores that count."""
    if not mines:
        return _whole_score_loss(param, images)
    background = param.integer("background_label_id")
    total = 0.0
    for image, negative in zip(images, negatives, strict=True):
        if not len(image.truths):
            continue
        rows = [np.flatnonzero(match > -1) for match in image.matches.values()]
        labels = [_targets(param, image, match) for match in image.matches.values()]
        scores = image.scores[np.concatenate([*rows, negative])]
        wanted = np.concatenate([*labels, np.full(len(negative), background)])
        total += float(_row_losses(param, scores, wanted).sum(dtype=np.float64))
    return total


def _targets(param: Message, image: _Image, match: Array) -> Array:
    """Return the classes of the matched priors."""
    labels = _labels_of(image, match)[match > -1]
    if param.flag("map_object_to_agnostic"):
        labels = np.full_like(labels, param.integer("background_label_id") + 1)
    return labels


def _whole_score_loss(param: Message, images: list[_Image]) -> float:
    """Return the sum over all scores, with Caffe's own places of the targets.

    For LOGISTIC every target starts as the number of the background, and the targets of an
    image start as many places after the last image's as there are priors, not classes times
    priors (EncodeConfPrediction).
    """
    scores = np.concatenate([image.scores for image in images])
    count, classes = len(images[0].scores), scores.shape[1]
    softmaxes = param.text("conf_loss_type") == "SOFTMAX"
    width = 1 if softmaxes else classes
    wanted = np.full(len(scores) * width, param.integer("background_label_id"))
    for i, image in enumerate(images):
        for match in image.matches.values():
            places = i * count + np.flatnonzero(match > -1) * width
            labels = _targets(param, image, match)
            if softmaxes:
                wanted[places] = labels
            else:
                wanted[places + labels] = 1
    losses = (
        _softmax_losses(scores, wanted)
        if softmaxes
        else _logistic(scores, wanted.reshape(scores.shape))
    )
    return float(losses.sum(dtype=np.float64))


def _softmax_losses(scores: Array, labels: Array) -> Array:
    if not len(scores):
        return np.zeros(0, np.float32)
    shares = softmax(scores, 1)[np.arange(len(labels)), labels]
    result: Array = -np.log(np.maximum(shares, _SMALLEST))
    return result


FUNCTIONS: dict[str, Function] = {"MultiBoxLoss": _multibox_loss}
