"""NVIDIA Caffe 0.16: BVLC's statistics without sums, and gamma and beta where asked for."""

from __future__ import annotations

from typing import ClassVar

from protolint.caffe.batchnorm import STATISTICS, Affine, BatchNormKind, EpsRule, NormParam
from protolint.caffe.behaviour import Building, Loading, Solving
from protolint.caffe.dialect import Engines, Layouts
from protolint.caffe.nvidia_15 import Nvidia15

__all__ = ["Nvidia16", "Nvidia161"]


def _kinds(eps: EpsRule) -> dict[str, BatchNormKind]:
    """Return the BatchNorms of the two engines, v0.16.1 to v0.17.4.

    CUDNN keeps private copies of bottom and top; CAFFE without gamma and beta lets the two
    gradients share memory (Backward_cpu, Backward_gpu).
    """
    native = BatchNormKind(
        Affine.ON_REQUEST,
        STATISTICS,
        (*STATISTICS, "gamma", "beta"),
        "N16-3",
        "N16-5",
        eps,
        most_axes=4,
        in_place_plain=False,
        ignores_global_stats=True,
        first_batch_replaces_statistics=True,
        averages_eps=True,
        batch_kept_at_fraction_one=2,
    )
    cudnn = native._replace(
        in_place_plain=True,
        state_keeps_statistics=True,
        averages_eps=False,
        averages_unbiased=True,
        batch_kept_at_fraction_one=1,
    )
    return {"CAFFE": native, "CUDNN": cudnn}


class Nvidia16(Nvidia15):
    """NVIDIA Caffe 0.16.3 to 0.16.6."""

    name = "nvidia-0.16"
    title = "NVIDIA Caffe 0.16.3 to 0.16.6"
    schema = "nvidia-0.16"
    building: ClassVar[Building] = Nvidia15.building._replace(
        divides_by_empty=False, empty_memory=True, shares_with_another_only=True
    )
    solving: ClassVar[Solving] = Solving(
        divides_by_max_iter=False,
        momentum_policies=("fixed", "poly", "opt"),
        larc_policies=("scale", "clip"),
        waits_for_gradients=True,
    )
    engines: ClassVar[Engines] = _kinds(EpsRule(floor=1e-5))
    file_layouts: ClassVar[Layouts] = (("N16-3",), ("N16-5",), *Nvidia15.file_layouts)
    affine_field = "scale_bias"
    fillers_ask_for_affine = True
    gamma_starts_at_zero = False
    least_axes = 4
    masks_statistics = True
    forces_affine_multipliers = True
    batchnorm_is_opencvs = True
    loading = Loading(
        reads_raw_data=True, reorders=True, reshapes=frozenset((5,)), reshapes_hdf5=True
    )
    writes_raw_data = True
    may_write_factor_zero = True
    computes_halves = True
    checks_gaussian_mean = True
    harmless_fields = (Nvidia15.harmless_fields - {"SolverParameter.per_parameter_reduce"}) | {
        "ConvolutionParameter.conv_algos_override",
        "DataParameter.cache",
        "DataParameter.parser_threads",
        "DropoutParameter.engine",
        "DropoutParameter.random_seed",
        "ImageDataParameter.cache",
        "ImageDataParameter.threads",
        "LayerParameter.backward_math",
        "LayerParameter.backward_type",
        "LayerParameter.cudnn_math_override",
        "LayerParameter.debug",
        "LayerParameter.forward_math",
        "LayerParameter.forward_type",
        "NetParameter.default_backward_math",
        "NetParameter.default_backward_type",
        "NetParameter.default_conv_algos_override",
        "NetParameter.default_cudnn_math_override",
        "NetParameter.default_forward_math",
        "NetParameter.default_forward_type",
        "NetParameter.global_grad_scale",
        "NetParameter.global_grad_scale_adaptive",
        "NetParameter.reduce_buckets",
        "SolverParameter.solver_data_type",
        "SolverParameter.store_blobs_in_old_format",
        "TransformationParameter.forward_packing",
        "TransformationParameter.random_seed",
        "TransformationParameter.use_gpu_transform",
    }
    obeys_test_initialization = False

    def asks_for_affine(self, param: NormParam) -> bool:
        """Return whether a layer says `scale_bias: true` or has a filler.

        Either filler switches gamma and beta on, `scale_bias: false` or not (LayerSetUp of
        batch_norm_layer.cpp @ v0.16.1 to v0.17.4).
        """
        return bool(param.scale_bias) or param.scale_filler or param.bias_filler


class Nvidia161(Nvidia16):
    """NVIDIA Caffe 0.16.1, whose eps is 1e-4 at least (batch_norm_layer.cpp @ v0.16.1)."""

    name = "nvidia-0.16.1"
    title = "NVIDIA Caffe 0.16.1 (eps at least 1e-4, fewer fields)"
    schema = "nvidia-0.16.1"
    engines: ClassVar[Engines] = _kinds(EpsRule(default=1e-4, floor=1e-4))
    batchnorm_is_opencvs = False
