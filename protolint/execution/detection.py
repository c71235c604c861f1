"""SSD's PriorBox, DetectionOutput and DetectionEvaluate, and the arithmetic of boxes.

A box is four float32 values: left, top, right, bottom, as shares of the image. Sources:
prior_box_layer.cpp, detection_output_layer.cpp, detection_evaluate_layer.cpp and
util/bbox_util.cpp @ weiliu89/caffe ssd.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from protolint.caffe.binder import Message
from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS", "areas", "decoded", "overlaps", "predictions", "suppressed"]

#: A row of DetectionOutput: image, class, score, box; of labels: image, class, instance, box,
#: difficult; of DetectionEvaluate: image, class, score, true positive, false positive.
_FOUND, _TRUTH = 7, 8


def areas(boxes: Array) -> Array:
    """Return the area of each box, 0 for one that is turned inside out."""
    sides = boxes[..., 2:] - boxes[..., :2]
    result: Array = np.where((sides < 0).any(-1), np.float32(0), sides[..., 0] * sides[..., 1])
    return result


def overlaps(box: Array, others: Array) -> Array:
    """Return the area that a box shares with each other, over the area of both together."""
    low = np.maximum(box[..., :2], others[..., :2])
    sides = np.minimum(box[..., 2:], others[..., 2:]) - low
    common = np.where((sides > 0).all(-1), sides[..., 0] * sides[..., 1], np.float32(0))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = common / (areas(box) + areas(others) - common)
    result: Array = np.where(common > 0, shares, np.float32(0)).astype(np.float32)
    return result


def predictions(step: Step, param: Message) -> tuple[tuple[Array, Array], Array, Array]:
    """Return the priors (boxes, 4) and their variances, and what is predicted of each image.

    That is places (images, boxes, kinds, 4), of one kind for all classes or one for each, and
    scores (images, boxes, classes). Raises ExecutionError where they do not fit each other.
    """
    classes, images = param.integer("num_classes"), len(step.bottom())
    boxes, variances = step.bottom(2).reshape(2, -1, 4)
    count, kinds = len(boxes), 1 if param.flag("share_location") else classes
    if step.bottom(1).size != images * count * classes:
        raise step.error(f"has not {count} priors times {classes} classes of scores")
    if step.bottom().size != images * count * kinds * 4:
        raise step.error(f"has not {count} priors times 4 of places")
    places = step.bottom().reshape(images, count, kinds, 4)
    return (boxes, variances), places, step.bottom(1).reshape(images, count, classes)


def decoded(
    step: Step, found: tuple[Array, Array], values: Array, code: str, *, in_target: bool
) -> Array:
    """Return the boxes that predictions (..., boxes, 4) move the priors to."""
    boxes, variances = found
    sizes = boxes[:, 2:] - boxes[:, :2]
    if not in_target:
        values = values * variances
    moved: Array
    if code == "CORNER":
        moved = boxes + values
        return moved
    if (sizes <= 0).any():
        raise step.error("a prior box has no area")
    if code == "CORNER_SIZE":
        moved = boxes + values * np.tile(sizes, 2)
        return moved
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    centers = values[..., :2] * sizes + centers
    halves = np.exp(values[..., 2:]) * sizes / 2
    return np.concatenate([centers - halves, centers + halves], -1)


def suppressed(boxes: Array, order: Iterable[int], threshold: float, eta: float = 1.0) -> list[int]:
    """Return the boxes, best first, without those that overlap a better one (ApplyNMSFast)."""
    kept: list[int] = []
    limit = np.float32(threshold)
    for i in order:
        if kept and (overlaps(boxes[i], boxes[kept]) > limit).any():
            continue
        kept.append(int(i))
        if eta < 1 and limit > 0.5:
            limit *= np.float32(eta)
    return kept


def _prior_box(step: Step) -> list[Array]:
    param = step.param("prior_box_param")
    height, width = step.bottom().shape[2:]
    ratios = [np.float32(1)]
    for ratio in map(np.float32, param.numbers("aspect_ratio")):
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, np.float32(1) / ratio] if param.flag("flip") else [ratio]
    largest, shapes = param.numbers("max_size"), []
    for i, size in enumerate(int(size) for size in param.numbers("min_size")):
        shapes.append((np.float32(size), np.float32(size)))
        if largest:
            middle = np.float32(np.sqrt(size * int(largest[i])))
            shapes.append((middle, middle))
        roots = [np.sqrt(ratio) for ratio in ratios if abs(ratio - 1) >= 1e-6]
        shapes += [(np.float32(size) * root, np.float32(size) / root) for root in roots]
    image = _both(step, "img_size", "img_w", "img_h")
    if not all(image):
        image = (step.bottom(1).shape[3], step.bottom(1).shape[2])
    paces = _both(step, "step", "step_w", "step_h")
    if not all(paces):
        paces = (np.float32(image[0]) / width, np.float32(image[1]) / height)
    offset = param.number("offset")
    across, down = (
        ((np.arange(count) + np.float32(offset)) * np.float32(pace)).astype(np.float32)
        for count, pace in ((width, paces[0]), (height, paces[1]))
    )
    centers = np.stack(np.broadcast_arrays(across[None, :, None], down[:, None, None]), -1)
    halves = np.asarray(shapes, np.float32).astype(np.float64) / 2
    boxes = np.concatenate([centers - halves, centers + halves], -1) / np.tile(image, 2)
    boxes = boxes.astype(np.float32)
    if param.flag("clip"):
        boxes = boxes.clip(0, 1)
    given = param.numbers("variance") or [0.1]
    variances = np.resize(np.asarray(given, np.float32), boxes.size)
    return [np.stack([boxes.reshape(-1), variances])[None]]


def _both(step: Step, shared: str, across: str, down: str) -> tuple[float, float]:
    """Return what a PriorBox says along the two axes, 0 where it says nothing."""
    param = step.param("prior_box_param")
    names = (across, down) if across in param or down in param else (shared, shared)
    first, second = (param.number(name) if name in param else 0.0 for name in names)
    return first, second


def _detection_output(step: Step) -> list[Array]:
    param = step.param("detection_output_param")
    found, places, scores = predictions(step, param)
    images, classes = len(scores), scores.shape[2]
    shares, background = param.flag("share_location"), param.integer("background_label_id")
    code, in_target = param.text("code_type"), param.flag("variance_encoded_in_target")
    boxes = decoded(step, found, places.transpose(0, 2, 1, 3), code, in_target=in_target)
    rows = []
    for image in range(images):
        kept = []
        for label in range(classes):
            if label != background:
                own = boxes[image, 0 if shares else label]
                best = _best(step, own, scores[image, :, label])
                kept += [(label, i, own[i]) for i in best]
        most = param.integer("keep_top_k")
        if -1 < most < len(kept):
            kept.sort(key=lambda one: -scores[image, one[1], one[0]])
            kept = sorted(kept[:most], key=lambda one: one[0])
        rows += [[image, label, scores[image, i, label], *box] for label, i, box in kept]
    if not rows:
        rows = [[image, *[-1.0] * (_FOUND - 1)] for image in range(images)]
    return [np.asarray(rows, np.float32)[None, None]]


def _best(step: Step, boxes: Array, scores: Array) -> list[int]:
    """Return the boxes of one class that are left, best first."""
    param = step.param("detection_output_param")
    nms = param.message("nms_param")
    order = np.argsort(-scores, kind="stable")
    if "confidence_threshold" in param:
        least = np.float32(param.number("confidence_threshold"))
        order = order[scores[order] > least]
    if nms is None:
        # The defaults of NonMaximumSuppressionParameter.
        return suppressed(boxes, order, 0.3)
    if "top_k" in nms and nms.integer("top_k") > -1:
        order = order[: nms.integer("top_k")]
    return suppressed(boxes, order, nms.number("nms_threshold"), nms.number("eta"))


def _detection_evaluate(step: Step) -> list[Array]:
    """Say of each detection whether it is right, after how many boxes each class has."""
    param = step.param("detection_evaluate_param")
    sizes = _image_sizes(step, param)
    background = param.integer("background_label_id")
    counts_difficult = param.flag("evaluate_difficult_gt")
    truths = _truths(step)
    rows = []
    for label in range(param.integer("num_classes")):
        if label != background:
            own = truths[truths[:, 1] == label]
            number = len(own) if counts_difficult else int((own[:, 7] == 0).sum())
            rows.append([-1.0, label, number, -1, -1])
    found = step.bottom().reshape(-1, _FOUND)
    found = found[found[:, 0] != -1]
    images, before = np.unique(found[:, 0]).tolist(), step.memory.get("images", 0)
    step.memory["images"] = before + len(images)
    found = found[found[:, 1] != -1]
    for image, label in sorted({(row[0], row[1]) for row in found.tolist()}):
        own = truths[(truths[:, 0] == image) & (truths[:, 1] == label)]
        here = found[(found[:, 0] == image) & (found[:, 1] == label)]
        if len(own):
            here = here[np.argsort(-here[:, 2], kind="stable")]
        seen: set[int] = set()
        for row in here:
            right, wrong = 0, 1
            if sizes:
                size = sizes[(before + images.index(image)) % len(sizes)]
                shares = _pixel_overlaps(*(box.clip(0, 1) * size for box in (row[3:], own[:, 3:7])))
            else:
                shares = overlaps(row[3:], own[:, 3:7])
            best = int(shares.argmax()) if len(own) else -1
            if best >= 0 and shares[best] >= np.float32(param.number("overlap_threshold")):
                if not counts_difficult and own[best, 7]:
                    right, wrong = 0, 0
                elif best not in seen:
                    right, wrong = 1, 0
                    seen.add(best)
            rows.append([image, label, float(row[2]), right, wrong])
    return [np.asarray(rows, np.float32).reshape(1, 1, -1, 5)]


def _image_sizes(step: Step, param: Message) -> list[Array]:
    """Return the width and height, twice each, of the images in the order of the data.

    They stand in a file, a name, a height and a width for each; overlaps are counted in pixels
    then.
    """
    if "name_size_file" not in param:
        return []
    known: list[Array] | None = step.memory.get("sizes")
    if known is None:
        name, resize = param.text("name_size_file"), param.message("resize_param")
        path = step.file(name)
        if path is None:
            raise step.error(f"its name_size_file '{name}' is not there")
        if resize is not None and resize.text("resize_mode") != "WARP":
            raise step.error(f"resize_mode {resize.text('resize_mode')} is not run")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                words = file.read().split()
            pairs = zip(map(int, words[2::3]), map(int, words[1::3]), strict=False)
            known = [np.array(pair * 2, np.float32) for pair in pairs]
        except ValueError:
            raise step.error(f"'{name}' is no list of names, heights and widths") from None
        step.memory["sizes"] = known
    return known


def _pixel_overlaps(box: Array, others: Array) -> Array:
    """Return overlaps as `overlaps` does, of boxes in pixels, which have a width of their own.

    Boxes that do not meet share one pixel all the same (JaccardOverlap in bbox_util.cpp).
    """
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.where((sides < 0).any(1), 1, (sides + 1).prod(1))
    sizes = [
        np.where((b[..., 2:] < b[..., :2]).any(-1), 0, (b[..., 2:] - b[..., :2] + 1).prod(-1))
        for b in (box, others)
    ]
    result: Array = common / (sizes[0] + sizes[1] - common)
    return result


def _truths(step: Step) -> Array:
    """Return the label rows up to the first that belongs to no image."""
    rows = step.bottom(1).reshape(-1, _TRUTH)
    ends = np.flatnonzero(rows[:, 0] == -1)
    return rows[: ends[0]] if len(ends) else rows


FUNCTIONS: dict[str, Function] = {
    "DetectionEvaluate": _detection_evaluate,
    "DetectionOutput": _detection_output,
    "PriorBox": _prior_box,
}
