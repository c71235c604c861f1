"""NVIDIA Caffe 0.14: two engines whose BatchNorms have nothing in common."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from protolint.caffe.batchnorm import Affine, BatchNormKind, EpsRule
from protolint.caffe.behaviour import Building
from protolint.caffe.bvlc import SUMS
from protolint.caffe.dialect import Counts, Dialect, Engines, Layouts

__all__ = ["CUDNN", "Nvidia14"]

#: cuDNN adds 1e-4 whatever is written (include/caffe/common_layers.hpp @ v0.14.5). Backward
#: reads the bottom that forward in place overwrote (cudnn_batch_norm_layer.cu @ v0.14.5). In
#: CPU mode the blobs are taken for those of the other engine.
CUDNN = BatchNormKind(
    Affine.ALWAYS,
    (),
    ("gamma", "beta", "reserved", "mean", "variance"),
    "",
    "N14C",
    EpsRule(fixed=1e-4),
    blob_axes=4,
    most_axes=4,
    in_place_affine=False,
    ignores_global_stats=True,
    wrong_on_cpu=True,
    averages_unbiased=True,
    batch_kept_at_fraction_one=0,
)


class Nvidia14(Dialect):
    """NVIDIA Caffe 0.14.0 to 0.14.5, which grew from BVLC rc2."""

    name = "nvidia-0.14"
    title = "NVIDIA Caffe 0.14.0 to 0.14.5"
    schema = "nvidia-0.14"
    building: ClassVar[Building] = Building(
        divides_by_empty=True,
        divides_batches=True,
        losses_by_num=True,
    )
    engines: ClassVar[Engines] = {"CAFFE": SUMS, "CUDNN": CUDNN}
    default_engine = "CUDNN"
    file_layouts: ClassVar[Layouts] = (("B3",), ("N14C", "N14C-inv-std"))
    gamma_starts_at_zero = True
    keeps_inputs_without_shape = True
    reads_inputs_of_inline_nets = True
    drops_layers_of_mixed_nets = True
    # The header misspells MaxTopBlobs of Accuracy; InfogainLoss gives no probabilities.
    other_tops: ClassVar[Counts] = MappingProxyType({"Accuracy": (1, None), "InfogainLoss": (1, 1)})
    argmax_keeps_axes = True
    # Both give their top the bottom's memory (flatten_layer.cpp, reshape_layer.cpp @ v0.14.5).
    works_in_place: ClassVar[frozenset[str]] = frozenset(("Flatten", "Reshape"))
    used_by_digits = True
    names_solvers_by_enum = True
