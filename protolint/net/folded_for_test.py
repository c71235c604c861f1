"""Which layers a Caffe folds into a convolution while it builds a net for TEST."""

from __future__ import annotations

from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net
from protolint.net.view import View

__all__ = ["folded"]


def folded(net: Net, view: View) -> list[tuple[Layer, list[Layer]]]:
    """Return each convolution that takes up the layers below it, and those layers.

    A BatchNorm is one that is the first to read the convolution's top, unless it says
    `use_global_stats: false` or nothing reads it; so is the Scale that is the first to read
    the BatchNorm. Source: RemoveBNScale (src/caffe/util/remove_batch_norm.cpp @ Intel 1.1.6).
    """
    found: list[tuple[Layer, list[Layer]]] = []
    if view.state.phase != TEST or not net.dialect.folds_for_test:
        return found
    for layer in view.layers:
        if layer.type != "Convolution":
            continue
        batchnorm = _first_reader(view, layer)
        if batchnorm is None or batchnorm.type != "BatchNorm":
            continue
        below = _first_reader(view, batchnorm)
        if below is not None and batchnorm.batchnorm.use_global_stats is not False:
            found.append((layer, [batchnorm, below] if below.type == "Scale" else [batchnorm]))
    return found


def _first_reader(view: View, layer: Layer) -> Layer | None:
    tops = view.tops[layer.index]
    return tops[0].readers[0] if tops and tops[0].readers else None
