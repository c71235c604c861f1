"""The layer types of each dialect.

From the registries (src/caffe/layer_factory.cpp and the REGISTER_LAYER_CLASS lines) of BVLC
master, NVIDIA v0.14.5, v0.15.14, v0.16.6 and v0.17.4.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from protolint.caffe.dialects import Dialect

__all__ = ["ALL_TYPES", "SHAPE_KEEPING", "LayerType", "known_by", "layer_types"]


class LayerType(NamedTuple):
    """One layer type: which dialects register it, and its parameter messages.

    `dialects` is a string of the digits below, `learnable` whether it can have blobs of
    its own, `parameters` the message fields of LayerParameter it reads.
    """

    name: str
    dialects: str
    learnable: bool
    parameters: tuple[str, ...]


# Digits: b BVLC master, 4 NVIDIA 0.14, 5 0.15, 6 0.16, 7 0.17. L: can have learnable blobs.
_TABLE = """
AbsVal b4567 -
Accuracy b4567 - accuracy_param
AnnotatedData 7 - annotated_data_param data_param
ArgMax b4567 - argmax_param
Axpy 7 -
BatchNorm b4567 L batch_norm_param
BatchReindex b567 -
Bias b567 L bias_param
BNLL b4567 -
Clip b - clip_param
Concat b4567 - concat_param
ContrastiveLoss b4567 - contrastive_loss_param
Convolution b4567 L convolution_param
Crop b567 - crop_param
Data b4567 - data_param
Deconvolution b4567 L convolution_param
DetectionEvaluate 7 - detection_evaluate_param
DetectionOutput 7 - detection_output_param
DetectNetTransformation 567 - detectnet_groundtruth_param detectnet_augmentation_param
Dropout b4567 - dropout_param
DummyData b4567 - dummy_data_param
Eltwise b4567 - eltwise_param
ELU b567 - elu_param
Embed b4567 L embed_param
EuclideanLoss b4567 -
Exp b4567 - exp_param
Filter b4567 -
Flatten b4567 - flatten_param
HDF5Data b4567 - hdf5_data_param
HDF5Output b4567 - hdf5_output_param
HingeLoss b4567 - hinge_loss_param
Im2col b4567 - convolution_param
ImageData b4567 - image_data_param
InfogainLoss b4567 - infogain_loss_param
InnerProduct b4567 L inner_product_param
Input b567 - input_param
L1Loss 567 -
Log b4567 - log_param
LRN b4567 - lrn_param
LSTM b7 L recurrent_param
LSTMUnit b7 - recurrent_param
MemoryData b4567 - memory_data_param
MultiBoxLoss 7 - multibox_loss_param
MultinomialLogisticLoss b4567 -
MVN b4567 - mvn_param
Normalize 7 L norm_param
Parameter b L parameter_param
Permute 7 - permute_param
Pooling b4567 - pooling_param
Power b4567 - power_param
PReLU b4567 L prelu_param
PriorBox 7 - prior_box_param
Python b4567 L python_param
Reduction b4567 - reduction_param
ReLU b4567 - relu_param
Reshape b4567 - reshape_param
RNN b7 L recurrent_param
Scale b567 L scale_param
Sigmoid b4567 - sigmoid_param
SigmoidCrossEntropyLoss b4567 - sigmoid_param
Silence b4567 -
Slice b4567 - slice_param
SmoothL1Loss 7 -
Softmax b4567 - softmax_param
SoftmaxWithLoss b4567 - softmax_param
Split b4567 -
SPP b4567 - spp_param
Swish b - swish_param
TanH b4567 - tanh_param
Threshold b4567 - threshold_param
Tile b4567 - tile_param
TRT 7 - trt_param
VideoData 7 - video_data_param data_param
WindowData b4567 - window_data_param
"""

_DIGITS = {(1,): "b", (0, 14): "4", (0, 15): "5", (0, 16): "6", (0, 17): "7"}


def _read() -> dict[str, LayerType]:
    found = {}
    for line in _TABLE.strip().splitlines():
        name, dialects, learnable, *parameters = line.split()
        found[name] = LayerType(name, dialects, learnable == "L", tuple(parameters))
    return found


#: Every layer type that some dialect registers, by name.
ALL_TYPES: dict[str, LayerType] = _read()


@cache
def layer_types(version: tuple[int, ...]) -> frozenset[str]:
    """The names registered by the dialect of a version (`Dialect.version`)."""
    digit = _DIGITS[version[:2]]
    return frozenset(name for name, entry in ALL_TYPES.items() if digit in entry.dialects)


def known_by(name: str, dialects: dict[str, Dialect]) -> list[str]:
    """The names of the dialects that register a layer type."""
    return [d.name for d in dialects.values() if name in layer_types(d.version)]


#: Layers whose top has the shape of their first bottom.
SHAPE_KEEPING = frozenset(
    (
        "ReLU",
        "PReLU",
        "ELU",
        "Sigmoid",
        "TanH",
        "BNLL",
        "Dropout",
        "BatchNorm",
        "Scale",
        "Bias",
        "Power",
        "AbsVal",
        "Exp",
        "Log",
    )
)
