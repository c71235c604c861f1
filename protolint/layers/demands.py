"""What each layer type demands before a Caffe builds it, by type."""

from __future__ import annotations

from collections.abc import Callable

from protolint.layers import (
    demands_common,
    demands_data,
    demands_detection,
    demands_loss,
    demands_norm,
    demands_recurrent,
    demands_vision,
)
from protolint.layers.setup_check import SetupCheck

__all__ = ["DEMANDS"]

#: The checks of LayerSetUp and Reshape, in Caffe's order.
DEMANDS: dict[str, Callable[[SetupCheck], None]] = {
    "Convolution": demands_vision.convolution,
    "Deconvolution": demands_vision.deconvolution,
    "Im2col": demands_vision.im2col,
    "LRN": demands_vision.lrn,
    "Pooling": demands_vision.pooling,
    "SPP": demands_vision.spp,
    **demands_common.DEMANDS,
    **demands_data.DEMANDS,
    **demands_detection.DEMANDS,
    **demands_loss.DEMANDS,
    **demands_norm.DEMANDS,
    **demands_recurrent.DEMANDS,
}
