"""`protolint.compare`: two nets, with weights on the same data, or by what their change does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

from protolint.batchnorm.fit import require_fit
from protolint.caffe.dialect import Dialect
from protolint.comparison.consequence import Changes, compare_nets
from protolint.comparison.models import TOLERANCE, Comparison, Model, compare_models
from protolint.errors import UsageError
from protolint.execution.executor import Executor
from protolint.execution.run import Data, Path, Weights, inputs_of, net_of
from protolint.execution.step import Array
from protolint.execution.weights import load_weights
from protolint.net.named_states import views_named
from protolint.net.net import Net
from protolint.net.view import View

__all__ = ["compare", "model_of"]

Both: TypeAlias = Union[Weights, Sequence[Weights]]
Targets: TypeAlias = Union[str, Dialect, Sequence[Union[str, Dialect, None]], None]


def compare(
    first: Path | Net,
    second: Path | Net,
    weights: Both = None,
    *,
    data: Data = None,
    state: str = "TEST",
    tolerance: float = TOLERANCE,
    target: Targets = None,
    proto: Path | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> Comparison | Changes:
    """Compare two nets: run both on the same data, or say what the change of the text does.

    Args:
        first: A prototxt, or a net from `protolint.load`.
        second: The other one, perhaps of another Caffe.
        weights: The weights of both, or a list of two: caffemodels, or the blobs of each layer
            by the layer's name. Without weights and data nothing is run.
        data: The values of the first net's inputs, as in `protolint.run`; an input that is not
            given has random values.
        state: TEST, TRAIN, or a phase with stages, as in "TEST,deploy".
        tolerance: What counts as rounding of one layer, relative to its largest value.
        target: The Caffe that runs the nets, or a list of two.
        proto: Your own fork's caffe.proto, to be used as the schema.
        cudnn: Whether that Caffe was built with cuDNN.
        isolated: Read no configuration file.

    Returns:
        A Comparison where the nets were run, else Changes. `equal` of both says whether nothing
        that counts differs, and `str()` sums up.

    Raises:
        ProtolintError: A net cannot be run (ExecutionError), weights do not fit their net
            (PairError), an argument is wrong (UsageError), or a file cannot be read
            (InputError).
    """
    targets = target if isinstance(target, (list, tuple)) else (target, target)
    if len(targets) != 2:
        raise UsageError("a target, or one for each net")
    nets = [
        net_of(net, one, proto=proto, cudnn=cudnn, isolated=isolated)
        for net, one in zip((first, second), targets, strict=True)
    ]
    if weights is None and data is None:
        return compare_nets(nets[0], nets[1])
    both = weights if isinstance(weights, (list, tuple)) else (weights, weights)
    if len(both) != 2:
        raise UsageError("weights for both nets, or one of each")
    models = [model_of(net, one, state) for net, one in zip(nets, both, strict=True)]
    given = inputs_of(Executor(*models[0]), data)
    return compare_models(models[0], models[1], given, tolerance=tolerance)


def model_of(net: Net, weights: Weights, state: str = "TEST") -> Model:
    """Return a net with its weights in the state that a text spells.

    Raises PairError for a weight file that does not fit the net.
    """
    views: list[View] = views_named(net, state)
    if len(views) > 1:
        known = ", ".join(f"'{view.state}'" for view in views)
        raise UsageError(f"{net.source.path}: several states are '{state}': {known}; name one")
    blobs: Mapping[str, Sequence[Array]] = {}
    if isinstance(weights, Mapping):
        blobs = weights
    elif weights is not None:
        require_fit(net, os.fspath(weights))
        blobs = load_weights(os.fspath(weights), net.dialect)
    return Model(net, blobs, views[0].state)
