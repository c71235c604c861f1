"""Second opinions: the net before and after, run by OpenCV or by the user's own Caffe.

Both get the same random input. OpenCV reads the BatchNorm of BVLC and of NVIDIA 0.16 and
later; a Caffe reads what it reads. Each runs in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from protolint.batchnorm.state import Array
from protolint.caffe.registry import DIALECTS
from protolint.conversion.prove.programs import run_opencv, run_program
from protolint.conversion.prove.weights import ProofError
from protolint.errors import UsageError
from protolint.net.net import TEST, Net
from protolint.record import NamedTuple

__all__ = ["OUTPUT_TOLERANCE", "PROGRAMS", "Case", "case_of", "compare", "input_shape"]

#: Roundings of one layer grow through a deep net; more than this is no rounding.
OUTPUT_TOLERANCE = 1e-3

_READS = tuple(name for name, dialect in DIALECTS.items() if dialect.batchnorm_is_opencvs)
_SEED = 20171107
#: Layers that sort by scores that may be nearly equal.
_SORTING = frozenset({"DetectionOutput"})
_SECONDS = 600

_PYCAFFE = """\
import sys, numpy
try:
    import caffe
except ImportError as error:
    sys.exit("pycaffe is not installed: %s" % error)
caffe.set_mode_cpu()
net = caffe.Net(sys.argv[1], sys.argv[2], caffe.TEST)
values = numpy.load(sys.argv[3])
net.blobs[net.inputs[0]].reshape(*values.shape)
net.blobs[net.inputs[0]].data[...] = values
net.forward()
names = sys.argv[5:] or net.outputs
numpy.savez(sys.argv[4], *[net.blobs[name].data for name in names])
"""


class Case(NamedTuple):
    """One side of the comparison: the dialect, the prototxt's text, the model's path.

    `blobs` are what is compared, each with the name of the layer that writes it; all outputs of
    the net where there are none.
    """

    dialect: str
    text: bytes
    model: str
    blobs: tuple[tuple[str, str], ...] = ()


def case_of(net: Net, text: bytes, model: str) -> Case:
    """Return one side of the comparison; `net` is the text as its Caffe reads it.

    Where a layer sorts its rows, the smallest difference changes their order: then what it reads
    is compared, and all other outputs.
    """
    view = next((view for view in net.views if view.state.phase == TEST), None)
    sorting = [layer for layer in view.layers if layer.type in _SORTING] if view is not None else []
    if view is None or not sorting:
        return Case(net.dialect.name, text, model)
    versions = [version for version in view.outputs.values() if version.producer not in sorting]
    for layer in sorting:
        versions += [version for version in view.bottoms[layer.index] if version is not None]
    blobs = {v.name: v.producer.name for v in versions if v.producer is not None}
    return Case(net.dialect.name, text, model, tuple(blobs.items()))


def input_shape(net: Net) -> tuple[int, ...]:
    """Return the shape of a deploy net's only input; raises UsageError where there is no such."""
    shapes: list[tuple[int, ...]] = []
    message = net.message
    shapes += [tuple(shape.integers("dim")) for shape in message.messages("input_shape")]
    dims = message.integers("input_dim")
    shapes += [tuple(dims[i : i + 4]) for i in range(0, len(dims), 4)]
    for layer in net.layers:
        param = layer.parameter("input_param") if layer.type == "Input" else None
        if param is not None:
            shapes += [tuple(shape.integers("dim")) for shape in param.messages("shape")]
    if not net.is_deploy or len(shapes) != 1 or not all(dim > 0 for dim in shapes[0]):
        raise UsageError(
            f"{net.source.path}: --verify-with needs a deploy net with one input and its shape,"
            " as protolint deploy makes one"
        )
    return shapes[0]


def compare(names: Sequence[str], before: Case, after: Case, shape: tuple[int, ...]) -> list[str]:
    """Return what each program named says of the two, a line each.

    Raises ProofError if they differ.

    Raises UsageError where a program is missing or cannot run one of the nets.
    """
    values = np.random.default_rng(_SEED).standard_normal(shape).astype(np.float32)
    lines = []
    for name in names:
        run = PROGRAMS[name]
        first, second = run(before, values), run(after, values)
        difference, size = _difference(name, first, second)
        dims = "x".join(map(str, shape))
        lines.append(
            f"{name}: largest difference {difference:.1e} on a random input of {dims}, outputs up"
            f" to {size:.3g}"
        )
        if not difference <= OUTPUT_TOLERANCE * max(1.0, size):
            raise ProofError(lines[-1])
    return lines


def _difference(name: str, first: list[Array], second: list[Array]) -> tuple[float, float]:
    """Return the largest absolute difference of any output, and the largest value."""
    if [values.shape for values in first] != [values.shape for values in second]:
        raise ProofError(f"{name}: the nets have different outputs")
    largest = size = 0.0
    for a, b in zip(first, second, strict=True):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            gaps = np.where(same, 0.0, np.abs(a - b))
        largest = max(largest, float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0)))
        size = max(size, float(np.abs(a[np.isfinite(a)]).max(initial=0.0)))
    return largest, size


def _opencv(case: Case, values: Array) -> list[Array]:
    """Return the outputs by OpenCV's own importer."""
    if case.dialect not in _READS:
        raise UsageError(
            f"--verify-with opencv: OpenCV does not read the BatchNorm of {case.dialect}, only"
            f" that of {', '.join(_READS)}"
        )
    with _on_disk(case.text) as path:
        return run_opencv(
            path,
            case.model,
            {"": values},
            [writer for _, writer in case.blobs],
            seconds=_SECONDS,
            missing="--verify-with opencv needs OpenCV: pip install 'protolint-caffe[verify]'",
            failed=f"--verify-with opencv: OpenCV cannot run the net of {case.dialect}",
        )


def _pycaffe(case: Case, values: Array) -> list[Array]:
    """Return the outputs by the Caffe that Python finds."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, _on_disk(case.text) as path:
        given, made = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npz")
        np.save(given, values)
        run_program(
            _PYCAFFE,
            [path, case.model, given, made, *(blob for blob, _ in case.blobs)],
            made,
            _SECONDS,
            slow="--verify-with caffe: the net ran for too long",
            failed=f"--verify-with caffe: your Caffe cannot run the net of {case.dialect}",
        )
        with np.load(made) as outputs:
            return [outputs[name] for name in outputs.files]


@contextmanager
def _on_disk(text: bytes) -> Iterator[str]:
    """Return the path of a temporary prototxt."""
    import tempfile

    handle, path = tempfile.mkstemp(suffix=".prototxt")
    try:
        with open(handle, "wb") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)


#: The programs that can run a net, by the name a user gives.
PROGRAMS = {"opencv": _opencv, "caffe": _pycaffe}
