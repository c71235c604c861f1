"""NVIDIA Caffe 0.15: gamma and beta in every BatchNorm, in one order for both engines."""

from __future__ import annotations

from typing import ClassVar

from protolint.caffe.batchnorm import Affine, BatchNormKind, EpsRule
from protolint.caffe.behaviour import FILLERS, STATIC_FILLERS, Building
from protolint.caffe.dialect import Engines, Layouts
from protolint.caffe.nvidia_14 import CUDNN, Nvidia14

__all__ = ["Nvidia15"]

_ORDER = ("gamma", "beta", "mean", "variance", "reserved")
_NATIVE = BatchNormKind(
    Affine.ALWAYS,
    (),
    _ORDER,
    "",
    "N15A",
    first_batch_replaces_statistics=True,
    stored_statistics_spoil_gradient=True,
    never_sets_reserved=True,
    clips_variance_after=200,
    batch_kept_at_fraction_one=1,
)
#: CUDNN_BN_MIN_EPSILON is 1e-5 (cudnn.h of versions 4 to 7). Backward reads the bottom that
#: forward in place overwrote (cudnn_batch_norm_layer.cu @ v0.15.14).
_CUDNN = CUDNN._replace(
    affine_blobs=_ORDER, affine_layout="N15C", eps=EpsRule(floor=1e-5), wrong_on_cpu=False
)


class Nvidia15(Nvidia14):
    """NVIDIA Caffe 0.15.1 to 0.15.14; there is no release 0.15.0."""

    name = "nvidia-0.15"
    title = "NVIDIA Caffe 0.15.1 to 0.15.14"
    schema = "nvidia-0.15"
    building: ClassVar[Building] = Nvidia14.building._replace(fillers=FILLERS | STATIC_FILLERS)
    engines: ClassVar[Engines] = {"CAFFE": _NATIVE, "CUDNN": _CUDNN}
    file_layouts: ClassVar[Layouts] = (("N15A", "N15C", "N15C-inv-std"),)
    least_axes = 1
    layer_types = Nvidia14.layer_types | {
        "BatchReindex", "Bias", "Crop", "DetectNetTransformation", "ELU", "Input", "L1Loss",
        "Scale",
    }  # fmt: skip
    keeps_inputs_without_shape = False
    reads_inputs_of_inline_nets = False
    drops_layers_of_mixed_nets = False
    argmax_keeps_axes = False
    works_in_place: ClassVar[frozenset[str]] = frozenset()
    harmless_fields = frozenset(
        (
            "ConvolutionParameter.cudnn_convolution_algo_seeker",
            "DataParameter.threads",
            "SolverParameter.per_parameter_reduce",
        )
    )
    names_solvers_by_enum = False
