"""The Caffe of SSD (single-shot detection): BVLC's, with layers that find boxes."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from protolint.caffe.behaviour import Building, Loading, Solving
from protolint.caffe.bvlc import Bvlc
from protolint.caffe.dialect import Counts

__all__ = ["Ssd"]


class Ssd(Bvlc):
    """The Caffe of weiliu89/caffe, branch ssd (4817bf8), which grew from BVLC between rc4 and 1.0.

    Its batch_norm_layer.cpp, upgrade_proto.cpp and blob.cpp do what BVLC's do.
    """

    name = "ssd"
    title = "SSD Caffe (weiliu89/caffe, branch ssd)"
    schema = "ssd"
    owner = "SSD Caffe"
    adds_to = Bvlc.name
    building: ClassVar[Building] = Building(checks_resize=True)
    solving: ClassVar[Solving] = Solving(
        policies=(*Solving().policies, "plateau"), evaluations=("classification", "detection")
    )
    # CopyTrainedLayersFrom in net.cpp goes by the name alone.
    loading = Loading()
    # accuracy_layer.cpp sorts pairs of value and class.
    accuracy_counts_ties_as_wrong = False
    layer_types = (Bvlc.layer_types - {"Clip", "Swish"}) | {
        "AnnotatedData", "DetectionEvaluate", "DetectionOutput", "MultiBoxLoss", "Normalize",
        "Permute", "PriorBox", "SmoothL1Loss", "VideoData",
    }  # fmt: skip
    # InfogainLoss gives no probabilities yet.
    other_tops: ClassVar[Counts] = MappingProxyType({"InfogainLoss": (1, 1)})
    harmless_fields = frozenset(("SolverParameter.show_per_class_result",))
