"""NVIDIA Caffe 0.17: 0.16 with the layers of SSD, and sums divided on loading."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from protolint.caffe.behaviour import Building, Solving
from protolint.caffe.nvidia_16 import Nvidia16

__all__ = ["Nvidia17"]


class Nvidia17(Nvidia16):
    """NVIDIA Caffe 0.17.0 to 0.17.4."""

    name = "nvidia-0.17"
    title = "NVIDIA Caffe 0.17.0 to 0.17.4"
    schema = "nvidia-0.17"
    building: ClassVar[Building] = Nvidia16.building._replace(splits_no_empty=True)
    solving: ClassVar[Solving] = Nvidia16.solving._replace(checks_min_lr=True)
    loading = Nvidia16.loading._replace(divides=True, reshapes=frozenset((3, 5)))
    may_write_factor_zero = False
    layer_types = Nvidia16.layer_types | {
        "AnnotatedData", "Axpy", "DetectionEvaluate", "DetectionOutput", "LSTM", "LSTMUnit",
        "MultiBoxLoss", "Normalize", "Permute", "PriorBox", "RNN", "SmoothL1Loss", "TRT",
        "VideoData",
    }  # fmt: skip
    other_tops = MappingProxyType({"AnnotatedData": (1, 2), "InfogainLoss": (1, 1)})
    # SUM and MAX accumulate in buffers of their own (eltwise_layer.cpp @ v0.17.0).
    works_in_place = frozenset(("Eltwise",))
    shares_eltwise_memory = True
    harmless_fields = Nvidia16.harmless_fields | {
        "DataParameter.precache",
        "ImageDataParameter.precache",
        "NetParameter.eltwise_mem_sharing",
        "SolverParameter.show_per_class_result",
        "TransformationParameter.display",
    }
    solver_types = Nvidia16.solver_types | {"SAG"}
