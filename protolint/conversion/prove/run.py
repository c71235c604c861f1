"""The proof by running: the net before and after, in NumPy, layer by layer on the same data.

It needs no other program. What is not run, and why, is a line of the report: small models are
always run, larger ones when asked, so that converting a large file stays as fast as copying it.
"""

from __future__ import annotations

from protolint.batchnorm.fit import PairError, require_fit
from protolint.caffe.dialect import Dialect
from protolint.comparison import models
from protolint.comparison.models import Model, compare_models
from protolint.conversion.prove.ways import AUTO, RUN, TOLERANCE
from protolint.conversion.prove.weights import ProofError
from protolint.errors import ProtolintError, UsageError
from protolint.execution.executor import Executor
from protolint.execution.run import Data, inputs_of
from protolint.execution.step import ExecutionError
from protolint.execution.weights import load_weights
from protolint.layers.states import NetState
from protolint.net.net import TEST, Net
from protolint.net.summary import summarise
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.words import counted
from protolint.workspace.reading import Readings

__all__ = ["Side", "prove_by_running"]

#: Up to so many multiply-accumulates a pass is run without being asked.
_MACS = 1_000_000_000

#: Layers that choose, so that a rounding may give another choice; no conversion touches them.
_JUMPS = frozenset({"ArgMax", "Accuracy", "DetectionOutput", "DetectionEvaluate", "Filter"})


class Side(NamedTuple):
    """A net, its text in the target, and the path of the model before and after.

    `foreign` says of a BatchNorm that the net's own Caffe would take its blobs for others.
    """

    net: Net
    text: bytes
    before: str
    after: str
    foreign: str = ""


def prove_by_running(
    side: Side, target: Dialect, way: str, data: Data = None, tolerance: float = TOLERANCE
) -> str:
    """Return a line on how far a converted model computes what its source does.

    `data` are the values of the inputs, random ones where it is None. `tolerance` is what counts
    as rounding in weights: a layer may be off by as much, and by what it rounds itself. Raises
    ProofError where one is off by more. With `way` RUN what cannot be run is an error too.
    """
    try:
        return _proven(side, target, way, data, max(tolerance, models.TOLERANCE))
    except (ExecutionError, UsageError, PairError) as error:
        if way == RUN:
            raise
        return f"not run: {_reason(side.net, error)}"


def _reason(net: Net, error: ProtolintError) -> str:
    return str(error).removeprefix(f"{net.source.path}: ")


def _proven(side: Side, target: Dialect, way: str, data: Data, tolerance: float) -> str:
    net = side.net
    view = next((view for view in net.views if view.state.phase == TEST), None)
    if view is None:
        raise UsageError("the net has no TEST phase")
    if way == AUTO:
        macs = summarise(net, view, {}).totals.macs
        if macs > _MACS:
            cost = f"a pass takes {macs / 1e9:.1f} G multiply-accumulates"
            return f"not run: {cost}; --prove run does it"
    if side.foreign:
        raise PairError(side.before, net.source.path, side.foreign)
    require_fit(net, side.before)
    build = net.build._replace(schema=None)
    after = Readings.of(Source(net.source.path, side.text), build).read(target).nets[0]
    first, second = (_model(n, p, view.state) for n, p in ((net, side.before), (after, side.after)))
    given = None if data is None else inputs_of(Executor(*first), data)
    found = compare_models(first, second, given, tolerance=tolerance)
    if found.difference is not None and found.difference.layer.type in _JUMPS:
        name = found.difference.layer.name
        return f"run before and after: equal within rounding up to '{name}', which rounding turns"
    if not found.equal:
        raise ProofError(f"{net.source.path}: before and after {found}")
    return f"run before and after: equal within rounding in {counted(len(found.rows), 'layer')}"


def _model(net: Net, path: str, state: NetState) -> Model:
    return Model(net, load_weights(path, net.dialect), state)
