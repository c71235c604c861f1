"""What is true of a layer type in every Caffe that registers it; which do, each Caffe says."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ALL_TYPES", "SHAPE_KEEPING", "LayerType"]


class LayerType(NamedTuple):
    """One layer type and its parameter messages.

    `learnable` is whether it can have blobs of its own, `parameters` the message fields of
    LayerParameter it reads.
    """

    name: str
    learnable: bool
    parameters: tuple[str, ...]


# L: can have learnable blobs.
_TABLE = """
AbsVal -
Accuracy - accuracy_param
AnnotatedData - annotated_data_param data_param
ArgMax - argmax_param
Axpy -
BatchNorm L batch_norm_param
BatchReindex -
Bias L bias_param
BNLL -
Clip - clip_param
Concat - concat_param
ContrastiveLoss - contrastive_loss_param
Convolution L convolution_param
Crop - crop_param
Data - data_param
Deconvolution L convolution_param
DetectionEvaluate - detection_evaluate_param
DetectionOutput - detection_output_param
DetectNetTransformation - detectnet_groundtruth_param detectnet_augmentation_param
Dropout - dropout_param
DummyData - dummy_data_param
Eltwise - eltwise_param
ELU - elu_param
Embed L embed_param
EuclideanLoss -
Exp - exp_param
Filter -
Flatten - flatten_param
HDF5Data - hdf5_data_param
HDF5Output - hdf5_output_param
HingeLoss - hinge_loss_param
Im2col - convolution_param
ImageData - image_data_param
InfogainLoss - infogain_loss_param
InnerProduct L inner_product_param
Input - input_param
L1Loss -
Log - log_param
LRN - lrn_param
LSTM L recurrent_param
LSTMUnit - recurrent_param
MemoryData - memory_data_param
MultiBoxLoss - multibox_loss_param
MultinomialLogisticLoss -
MVN - mvn_param
Normalize L norm_param
Parameter L parameter_param
Permute - permute_param
Pooling - pooling_param
Power - power_param
PReLU L prelu_param
PriorBox - prior_box_param
Python L python_param
Reduction - reduction_param
ReLU - relu_param
Reshape - reshape_param
RNN L recurrent_param
Scale L scale_param
Sigmoid - sigmoid_param
SigmoidCrossEntropyLoss - sigmoid_param
Silence -
Slice - slice_param
SmoothL1Loss -
Softmax - softmax_param
SoftmaxWithLoss - softmax_param
Split -
SPP - spp_param
Swish - swish_param
TanH - tanh_param
Threshold - threshold_param
Tile - tile_param
TRT - trt_param
VideoData - video_data_param data_param
WindowData - window_data_param
"""


def _read() -> dict[str, LayerType]:
    found = {}
    for line in _TABLE.strip().splitlines():
        name, learnable, *parameters = line.split()
        found[name] = LayerType(name, learnable == "L", tuple(parameters))
    return found


#: Every layer type that some dialect registers, by name.
ALL_TYPES: dict[str, LayerType] = _read()


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
