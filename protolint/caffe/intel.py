"""Intel Caffe: BVLC's, with the engines MKL2017 and MKLDNN; protolint reads it only."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from protolint.caffe.batchnorm import STATISTICS, Affine, BatchNormKind, NormParam
from protolint.caffe.behaviour import FILLERS, Building, Loading, Solving
from protolint.caffe.bvlc import SUMS, Bvlc
from protolint.caffe.dialect import Counts, Engines, Layouts

__all__ = ["Intel"]

#: Sums and a factor as BVLC's, and gamma and beta unless the layer refuses them
#: (mkl_batch_norm_layer.cpp, mkldnn_batch_norm_layer.cpp @ 1.1.6).
_MKL = BatchNormKind(
    Affine.ON_REQUEST,
    STATISTICS,
    (*STATISTICS, "gamma", "beta"),
    "I3",
    "I5",
    checks_statistics_lr=True,
    sums=True,
)


class Intel(Bvlc):
    """Intel Caffe 1.1.6 (intel/caffe, tag 1.1.6)."""

    name = "intel"
    title = "Intel Caffe 1.1.6 (only read: nothing is converted to it)"
    schema = "intel"
    owner = "Intel Caffe"
    merges_forks = True
    engines: ClassVar[Engines] = {
        "CAFFE": SUMS._replace(layout="I3"),
        "MKL2017": _MKL,
        "MKLDNN": _MKL,
    }
    # USE_MKLDNN_AS_DEFAULT_ENGINE in CMakeLists.txt and net.cpp.
    default_engine = "MKLDNN"
    file_layouts: ClassVar[Layouts] = (("I3",), ("I4",), ("I5",))
    affine_field = "use_weight_bias"
    zeroes_three_params = False
    merges_scale = True
    folds_for_test = True
    batchnorm_is_opencvs = False
    can_be_written = False
    building: ClassVar[Building] = Building(
        fillers=FILLERS | {"gabor"},
        fan_out_needs_two_axes=True,
        large_blobs=True,
        infogain_axis=True,
        smooth_l1_weights=True,
        unequal_convolutions=True,
        checks_resize=True,
    )
    solving: ClassVar[Solving] = Solving(
        policies=(*Solving().policies, "plateau", "multifixed"),
        evaluations=("classification", "detection"),
        rmsprop_takes_momentum=True,
    )
    # CopyTrainedLayersFrom in net.cpp goes by the name alone.
    loading = Loading()
    layer_types = (Bvlc.layer_types - {"Clip"}) | {
        "AnnotatedData", "Axpy", "BoxAnnotatorOHEM", "BoxData", "DetectionEvaluate",
        "DetectionOutput", "EvalDetection", "MKLBatchNorm", "MnActivation", "MultiBoxLoss",
        "Normalize", "PSROIPooling", "Permute", "PriorBox", "ROIPooling", "RegionLoss", "Reorg",
        "SmoothL1Loss", "SmoothL1LossOHEM", "SoftmaxWithLossOHEM", "SpatialDropout", "VideoData",
    }  # fmt: skip
    # Weights for each box are one more bottom, or two.
    other_bottoms: ClassVar[Counts] = MappingProxyType(
        {"SigmoidCrossEntropyLoss": (2, 3), "SmoothL1Loss": (2, 4), "SoftmaxWithLoss": (2, 3)}
    )
    harmless_fields = frozenset(("SolverParameter.show_per_class_result",))

    def resolve_engine(self, engine: str, *, with_cudnn: bool = True) -> str:
        """Return the engine that runs, for one as written; MKL in place of cuDNN.

        A layer may name it in a string of its own, with devices: "MKLDNN:CPU,FPGA".
        """
        return super().resolve_engine(engine.partition(":")[0], with_cudnn=with_cudnn)

    def asks_for_affine(self, param: NormParam) -> bool:
        """Return whether a layer does not say `use_weight_bias: false`."""
        return param.use_weight_bias is not False
