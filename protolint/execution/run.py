"""`protolint.run`, and what the command line needs of it: data, passes, results in a file."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, Union

import numpy as np

from protolint.batchnorm.fit import require_fit
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import dialects_of
from protolint.errors import InputError, UsageError
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.execution.weights import load_weights, save_weights
from protolint.net.named_states import views_named
from protolint.net.net import Net
from protolint.workspace.workspace import Choices, Workspace

__all__ = [
    "Data", "Path", "Progress", "Weights", "execute", "executor_of", "inputs_of",
    "net_of", "npz", "outputs", "read_data", "run",
]  # fmt: skip

Path: TypeAlias = Union[str, "os.PathLike[str]"]
Weights: TypeAlias = Union[Path, Mapping[str, Sequence[Array]], None]
Data: TypeAlias = Union[Path, Array, Mapping[str, Array], None]
#: Called with the name of a layer, how many layers have run in all passes, and how many will.
Progress: TypeAlias = Callable[[str, int, int], None]


def run(
    net: Path | Net,
    weights: Weights = None,
    *,
    data: Data = None,
    state: str = "TEST",
    iterations: int = 1,
    snapshot: Path | None = None,
    target: str | Dialect | None = None,
    proto: Path | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> dict[str, Array]:
    """Run a net in NumPy and return every blob by its name.

    Args:
        net: A prototxt, or a net from `protolint.load`, for which `target`, `proto`, `cudnn` and
            `isolated` do not count.
        weights: A caffemodel, binary or HDF5, or the blobs of each layer by the layer's name. A
            net without learnable blobs needs none.
        data: The values of the inputs: a `.npy` file or an array where the net has one input, a
            `.npz` file or a mapping by the names of blobs otherwise. An input that is not given
            has random values, the same each time.
        state: TEST, TRAIN, or a phase with stages, as in "TEST,deploy".
        iterations: How many passes over the same data; what BatchNorms store goes on.
        snapshot: Where to write the weights as they are after the last pass.
        target: The Caffe that runs the net; if not given, found as in `check`.
        proto: Your own fork's caffe.proto, to be used as the schema.
        cudnn: Whether that Caffe was built with cuDNN, which decides about the engine of
            BatchNorms without `engine`.
        isolated: Read no configuration file.

    Returns:
        float32 arrays. A blob that layers work on in place has its last content.

    Raises:
        ProtolintError: A layer cannot be run (ExecutionError), weights do not fit the net
            (PairError), an argument is wrong (UsageError) or a file cannot be read (InputError).
    """
    net = net_of(net, target, proto=proto, cudnn=cudnn, isolated=isolated)
    executor = executor_of(net, weights, state)
    given = inputs_of(executor, data)
    blobs = execute(executor, given, iterations)
    if snapshot is not None:
        if not isinstance(weights, (str, os.PathLike)):
            raise UsageError("a snapshot is written from a weight file, and none was given")
        save_weights(os.fspath(weights), executor.parameters, os.fspath(snapshot))
    return blobs


def net_of(
    net: Path | Net,
    target: str | Dialect | None,
    *,
    proto: Path | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> Net:
    """Return a net as it is, or that of a prototxt as the Caffe that it is for builds it."""
    if isinstance(net, Net):
        return net
    choices = Choices(
        targets=dialects_of(target),
        proto=None if proto is None else os.fspath(proto),
        without_cudnn=not cudnn,
        isolated=isolated,
    )
    return Workspace(choices).net(os.fspath(net))


def executor_of(net: Net, weights: Weights, state: str) -> Executor:
    """Return the executor of a net in the one state that a text spells.

    Raises PairError for a weight file that does not fit the net.
    """
    views = views_named(net, state)
    if len(views) > 1:
        known = ", ".join(f"'{view.state}'" for view in views)
        raise UsageError(f"{net.source.path}: several states are '{state}': {known}; name one")
    if weights is None:
        blobs: Mapping[str, Sequence[Array]] = {}
    elif isinstance(weights, Mapping):
        blobs = weights
    else:
        require_fit(net, os.fspath(weights))
        blobs = load_weights(os.fspath(weights), net.dialect)
    return Executor(net, blobs, views[0].state)


def execute(
    executor: Executor,
    inputs: Mapping[str, Array],
    iterations: int = 1,
    progress: Progress | None = None,
) -> dict[str, Array]:
    """Run some passes over the same inputs, and return every blob after the last."""
    if iterations < 1:
        raise UsageError(f"{iterations} passes cannot be run; 1 at least")
    executor.require(inputs)
    total, done = iterations * len(executor.view.layers), 0
    for _ in range(iterations):
        for layer in executor.passing(inputs):
            done += 1
            if progress is not None:
                progress(layer.name, done, total)
    return executor.blobs


def outputs(executor: Executor) -> list[str]:
    """Return the blobs that no layer reads after they are written, in net order."""
    versions = executor.view.outputs.values()
    return [v.name for v in versions if not v.readers and v.name in executor.blobs]


def read_data(path: str, *, mapped: bool = False) -> Array | dict[str, Array]:
    """Return the array of a .npy file, or the arrays of a .npz file by their names.

    With `mapped` a .npy file is read part by part, where it is used.

    Raises InputError for a file that is neither, or holds no numbers.
    """
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return _numbers(path, "it", found)
        with found as file:
            return {name: _numbers(path, f"'{name}'", file[name]) for name in file.files}
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(path, f"is no .npy and no .npz file of numbers: {error}") from None


def _numbers(path: str, what: str, values: Array) -> Array:
    if values.dtype.kind not in "fiub":
        raise InputError(path, f"{what} holds {values.dtype}, not numbers")
    return values


def inputs_of(executor: Executor, data: Data) -> dict[str, Array]:
    """Return the data by the names of inputs; raises UsageError where it is not clear."""
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return dict(data)
    found = read_data(os.fspath(data)) if isinstance(data, (str, os.PathLike)) else np.asarray(data)
    if isinstance(found, dict):
        return found
    names = list(executor.inputs)
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise UsageError(
            f"{executor.net.source.path}: an array alone is for a net of one input, and this has"
            f" {listed}; give them by name, in a .npz file"
        )
    return {names[0]: found}


def npz(blobs: Mapping[str, Array], names: Iterable[str]) -> bytes:
    """Return a .npz file with some blobs under their own names, the same bytes each time."""
    buffer = io.BytesIO()
    # numpy.savez takes names as arguments, so that a blob called `file` would clash.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            member = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, blobs[name], allow_pickle=False)
    return buffer.getvalue()
