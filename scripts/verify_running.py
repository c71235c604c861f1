"""Run every public net whose layer types can be run, with random weights and made-up data.

    scripts/verify_running.py [--phase TEST] [NUMBER ...]

Says of each net of scripts/verify_types.py whether it ran to its end in each phase, or why not.
Weights are made in the shape in which a layer asks for them, images as large as the net says, or
as those that it was written for, and labels are 0. All nets take half an hour.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from protolint.errors import ProtolintError
from protolint.execution.executor import Executor
from protolint.execution.step import Array, Step
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.view import View
from protolint.workspace.workspace import Choices, Workspace

types = import_module("scripts.verify_types")

_ITEMS, _CHANNELS, _SIDE = 2, 3, 224
#: What a net takes that does not say so, by the number of its file.
_IMAGES = {
    "005": (3, 360, 480), "006": (3, 360, 480), "007": (3, 360, 480), "008": (3, 360, 480),
    "023": (1, 28, 28), "027": (2, 28, 28), "048": (1, 28, 28),
    "168": (1, 28, 28), "170": (2, 28, 28), "182": (30, 224, 224), "183": (9, 224, 224),
}  # fmt: skip
#: How many times smaller than its image the labels of a net are.
_SHRINKS = {"154": 8, "157": 8}
#: Boxes, of one image of 224 x 320 pixels.
_BOXES: dict[str, list[list[float]]] = {
    "im_info": [[224, 320, 1]],
    "gt_boxes": [[20, 30, 149, 158, 1], [160, 40, 290, 215, 1]],
}
_TRUTHS = [[0, 1, 0, 0.1, 0.1, 0.5, 0.5, 0], [1, 1, 0, 0.2, 0.3, 0.6, 0.9, 0]]
_random = np.random.default_rng(20)


def made_blob(step: Step, i: int, shape: Sequence[int]) -> Array:
    """Return a learnable blob of random values, the same in each pass."""
    known: Array | None = step.memory.get(f"blob {i}")
    if known is None:
        size = max(1, int(np.prod(shape[1:]))) if len(shape) < 3 else shape[-1]
        known = _random.standard_normal(tuple(shape), np.float32) / np.float32(np.sqrt(size))
        if step.layer.type in ("BatchNorm", "BN", "Normalize", "Scale"):
            known = np.abs(known) + np.float32(0.5)
        step.memory[f"blob {i}"] = known
    return known.reshape(shape)


def made_data(executor: Executor, number: str) -> Iterator[tuple[str, Array]]:
    """Yield the inputs of a net, by the blob's name."""
    view = executor.view
    sources = {top.name: layer for layer in view.layers if not layer.bottoms for top in layer.tops}
    for name, shape in executor.inputs.items():
        if name in _BOXES:
            yield name, np.array(_BOXES[name])
        elif name == "data" and "im_info" in executor.inputs:
            yield name, _random.standard_normal((1, 3, 224, 320))
        elif name == "rois":
            yield name, np.array([[0, 2, 3, 60, 70]]).reshape(1, 5, *[1] * ((shape.axes or 2) - 2))
        elif re.search("label|sim", name):
            yield name, made_label(view, number, shape, sources.get(name))
        else:
            sizes: tuple[int, ...] = (_ITEMS, *_image(view, number))
            if shape.complete and all(shape.dims):
                sizes = tuple(d or 1 for d in shape.dims)
            else:
                sizes = tuple(d or s for d, s in zip(shape.lead(4), sizes, strict=True))
            yield name, _random.standard_normal((min(sizes[0], _ITEMS), *sizes[1:]))


def made_label(view: View, number: str, shape: Shape, source: Layer | None) -> Array:
    """Return labels of class 0, in the form in which their data layer gives them."""
    kind = "" if source is None else source.type
    if kind == "AnnotatedData":
        return np.array(_TRUTHS).reshape(1, 1, -1, 8)
    if kind in ("DenseImageData", "ImageSegData"):
        sides = _image(view, number)[1:]
        return np.zeros((_ITEMS, 1, *(side // _SHRINKS.get(number, 1) for side in sides)))
    if shape.complete and all(shape.dims):
        sizes = [size or 1 for size in shape.dims]
        return np.zeros((min(sizes[0], _ITEMS), *sizes[1:]))
    return np.zeros(_ITEMS)


def _image(view: View, number: str) -> tuple[int, int, int]:
    crops = [
        param.integer("crop_size")
        for layer in view.layers
        for param in [layer.parameter("transform_param")]
        if param is not None and "crop_size" in param
    ]
    side = max(crops, default=0) or _SIDE
    return _IMAGES.get(number, (_CHANNELS, side, side))


def outcome(path: Path, phase: str) -> str:
    """Return what came of a net in a phase, "" where it has no such state."""
    net = Workspace(Choices(isolated=True)).net(str(path))
    view = next((view for view in net.views if view.state.phase == phase), None)
    if view is None:
        return ""
    executor = Executor(net, {}, view.state)
    try:
        with patch.object(Step, "blob", made_blob):
            executor.forward(dict(made_data(executor, path.name[:3])))
    except ProtolintError as error:
        return str(error).partition(": ")[2]
    return "ran"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what came of each net, and the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("numbers", nargs="*", help="the first letters of the files to run; all")
    parser.add_argument("--phase", action="append", help="TEST or TRAIN; both")
    options = parser.parse_args(arguments)
    counts: Counter[tuple[str, bool]] = Counter()
    for path in types.nets(types.CORPUS):
        if options.numbers and not path.name.startswith(tuple(options.numbers)):
            continue
        if types.lacking(path) or not types.is_readable(path):
            continue
        for phase in options.phase or ("TEST", "TRAIN"):
            start = time.monotonic()
            found = outcome(path, phase)
            if found:
                counts[phase, found == "ran"] += 1
                print(
                    f"{path.name} {phase}: {found} ({time.monotonic() - start:.1f} s)", flush=True
                )
    for phase in dict.fromkeys(phase for phase, _ in counts):
        ran, others = counts[phase, True], counts[phase, False]
        print(f"{phase}: {ran} of {ran + others} nets ran")
    return 0


if __name__ == "__main__":
    sys.exit(main())
