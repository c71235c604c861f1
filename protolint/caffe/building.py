"""What differs from Caffe to Caffe while it builds a net (Net::Init and each LayerSetUp)."""

from __future__ import annotations

from protolint.record import NamedTuple

__all__ = ["FILLERS", "STATIC_FILLERS", "Building"]

FILLERS = frozenset(
    ("constant", "gaussian", "positive_unitball", "uniform", "xavier", "msra", "bilinear")
)
#: The same, drawing once and repeating (filler.hpp @ v0.15.14).
STATIC_FILLERS = frozenset(f"{name}static" for name in FILLERS - {"constant"})


class Building(NamedTuple):
    """How one Caffe builds nets, where others do it in another way.

    Sources, where a field names none: the layer of that name in src/caffe/layers @ BVLC
    master, NVIDIA v0.14.5, v0.15.14, v0.16.6, v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
    """

    #: The names GetFiller takes (include/caffe/filler.hpp).
    fillers: frozenset[str] = FILLERS
    #: xavier and msra read axis 1 of a blob that has none (filler.hpp @ Intel 1.1.6).
    fan_out_needs_two_axes: bool = False
    #: xavier and msra read the legacy axes, four at most (filler.hpp @ v0.14.5).
    fans_by_legacy_axes: bool = True
    #: Reshape divides by the count so far, which is 0 behind an empty axis (blob.cpp @
    #: v0.14.5, v0.15.14).
    divides_by_empty: bool = False
    #: The memory of a blob that holds nothing can be had (blob.cpp @ v0.16.1).
    empty_memory: bool = False
    #: A blob may hold more than 2^31 - 1 values (blob.cpp @ Intel 1.1.6).
    large_blobs: bool = False
    #: Losses compare num(), which a scalar has too; elsewhere shape(0) (loss_layer.cpp).
    losses_by_num: bool = False
    #: InfogainLoss has an axis, and may give out the probabilities.
    infogain_axis: bool = False
    #: SmoothL1Loss takes two weights or none.
    smooth_l1_weights: bool = False
    #: The batch of a data layer is shared out among GPUs (divide_batch_size in parallel.cpp @
    #: v0.14.5), so that a blob of one of them may be smaller than the text says.
    divides_batches: bool = False
    #: A convolution may have more tops than bottoms (observed @ Intel 1.1.6).
    unequal_convolutions: bool = False
    #: A blob that holds nothing cannot be split for several readers (split_layer.cpp @
    #: v0.17.4).
    splits_no_empty: bool = False
    #: A blob does not share memory with itself, so that a Concat or Slice of one blob does
    #: not work in place (ShareData in blob.cpp @ v0.16.1).
    shares_with_another_only: bool = False
    #: resize_param and expand_param of a data layer are checked when it is made
    #: (data_transformer.cpp @ ssd, Intel 1.1.6).
    checks_resize: bool = False
