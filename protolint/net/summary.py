"""A net in one state, layer by layer: shapes, parameters, and what its BatchNorms do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protolint.float32 import shortest
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.layers.states import NetState
from protolint.net.net import TEST, Net
from protolint.net.pairing import scales_in
from protolint.net.parameters import Parameter, layer_parameters
from protolint.net.shapes import bottom_shapes, set_up, shapes_with
from protolint.net.view import View
from protolint.record import NamedTuple

__all__ = ["BatchNormSummary", "LayerSummary", "NetSummary", "Totals", "summarise"]

_AVERAGE = 0.999


class BatchNormSummary(NamedTuple):
    """What a BatchNorm is in the dialect and the state.

    `affine`: gamma and beta are its own; `eps` and `average` (moving_average_fraction) are
    those that hold; `batch_statistics`: it normalises by the batch; `scale` is the layer with
    its gamma and beta.
    """

    engine: str
    blobs: tuple[str, ...]
    affine: bool
    eps: float
    average: float
    batch_statistics: bool
    scale: Layer | None


class LayerSummary(NamedTuple):
    """A layer with the shapes of its tops and its learnable blobs (None: it is not known which).

    `macs` are its multiply-accumulates (see _products). `registered` says that the
    dialect, or the user's own Caffe, has the type; `scales` is the BatchNorm whose Scale it is.
    """

    layer: Layer
    tops: tuple[Shape, ...]
    parameters: tuple[Parameter, ...] | None
    macs: int | None
    registered: bool
    batchnorm: BatchNormSummary | None
    scales: Layer | None

    @property
    def values(self) -> int | None:
        """How many numbers its blobs hold together, or None."""
        if self.parameters is None:
            return None
        counts = [parameter.shape.values for parameter in self.parameters]
        return None if None in counts else sum(count or 0 for count in counts)


class Totals(NamedTuple):
    """How many layers and numbers a net has; blobs that are shared count once.

    `learnable` numbers have a gradient, `statistics` are kept by BatchNorms; `unknown` counts
    layers whose number of either is not known. `macs` are the multiply-accumulates of a forward
    pass over the batch, as far as they are known.
    """

    layers: int
    batchnorms: int
    learnable: int
    statistics: int
    unknown: int
    macs: int


class NetSummary(NamedTuple):
    """A net in one state."""

    state: NetState
    inputs: dict[str, Shape]
    layers: tuple[LayerSummary, ...]
    totals: Totals


def summarise(net: Net, view: View, given: Mapping[str, Shape]) -> NetSummary:
    """Return the summary of a view; `given` has the shapes that the net does not give, by blob."""
    known = shapes_with(net, view, given)
    inputs = {v.name: shape for v, shape in known.items() if v.producer is None}
    registered = net.dialect.layer_types | net.custom_types
    scales = scales_in(net, view)
    scaled = {scale.index: net.layers[index] for index, scale in scales.items()}
    layers = []
    for layer in view.layers:
        bottoms = bottom_shapes(view, layer, known)
        tops = tuple(known.get(top, UNKNOWN) for top in view.tops[layer.index])
        found = layer_parameters(net, layer, bottoms)
        layers.append(
            LayerSummary(
                layer,
                tops,
                found,
                _products(net, layer, bottoms, tops, found),
                layer.type in registered,
                _batchnorm(net, view, layer, scales.get(layer.index)),
                scaled.get(layer.index),
            )
        )
    return NetSummary(view.state, inputs, tuple(layers), _totals(layers))


def _products(
    net: Net,
    layer: Layer,
    bottoms: list[Shape],
    tops: Sequence[Shape],
    parameters: Sequence[Parameter] | None,
) -> int | None:
    """Return the multiply-accumulates of one forward pass over the whole batch.

    Only layers that multiply by a matrix count, as in the figures that papers give: 0 for
    others, None where a shape is not known.
    """
    known = ALL_TYPES.get(layer.type)
    if parameters is None or known is None:
        return None
    if known.products is None:
        return 0
    blobs = [parameter.shape for parameter in parameters]
    return known.products(set_up(net, layer, bottoms), tops, blobs)


def _batchnorm(net: Net, view: View, layer: Layer, scale: Layer | None) -> BatchNormSummary | None:
    if layer.type != "BatchNorm":
        return None
    traits, param = net.traits(layer), layer.batchnorm
    stored = layer.runs_as(view.state) == TEST
    if not traits.kind.ignores_global_stats and param.use_global_stats is not None:
        stored = param.use_global_stats
    return BatchNormSummary(
        traits.engine,
        traits.blobs,
        traits.affine,
        float(shortest(traits.eps)),
        _AVERAGE if param.fraction is None else param.fraction,
        not stored,
        scale,
    )


def _totals(layers: list[LayerSummary]) -> Totals:
    counts = {True: 0, False: 0}
    seen: set[str] = set()
    unknown = 0
    for entry in layers:
        unknown += entry.values is None
        for parameter in entry.parameters or ():
            if parameter.name not in seen:
                counts[parameter.is_statistic] += parameter.shape.values or 0
            seen.update([parameter.name] if parameter.name else [])
    batchnorms = sum(entry.batchnorm is not None for entry in layers)
    macs = sum(entry.macs or 0 for entry in layers)
    return Totals(len(layers), batchnorms, counts[False], counts[True], unknown, macs)
