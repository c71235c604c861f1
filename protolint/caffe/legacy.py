"""What the layer types of older generations of the format are called today."""

from __future__ import annotations

__all__ = ["V0_TYPES", "V1_TYPES", "V1_TYPES_BY_NUMBER"]

# The enum V1LayerParameter.LayerType in the order of its numbers, from 0 on, and the type string
# that each is upgraded to (UpgradeV1LayerType in src/caffe/util/upgrade_proto.cpp, the same in
# every Caffe).
_V1 = (
    ("NONE", ""), ("ACCURACY", "Accuracy"), ("BNLL", "BNLL"), ("CONCAT", "Concat"),
    ("CONVOLUTION", "Convolution"), ("DATA", "Data"), ("DROPOUT", "Dropout"),
    ("EUCLIDEAN_LOSS", "EuclideanLoss"), ("FLATTEN", "Flatten"), ("HDF5_DATA", "HDF5Data"),
    ("HDF5_OUTPUT", "HDF5Output"), ("IM2COL", "Im2col"), ("IMAGE_DATA", "ImageData"),
    ("INFOGAIN_LOSS", "InfogainLoss"), ("INNER_PRODUCT", "InnerProduct"), ("LRN", "LRN"),
    ("MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"), ("POOLING", "Pooling"),
    ("RELU", "ReLU"), ("SIGMOID", "Sigmoid"), ("SOFTMAX", "Softmax"),
    ("SOFTMAX_LOSS", "SoftmaxWithLoss"), ("SPLIT", "Split"), ("TANH", "TanH"),
    ("WINDOW_DATA", "WindowData"), ("ELTWISE", "Eltwise"), ("POWER", "Power"),
    ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"), ("HINGE_LOSS", "HingeLoss"),
    ("MEMORY_DATA", "MemoryData"), ("ARGMAX", "ArgMax"), ("THRESHOLD", "Threshold"),
    ("DUMMY_DATA", "DummyData"), ("SLICE", "Slice"), ("MVN", "MVN"), ("ABSVAL", "AbsVal"),
    ("SILENCE", "Silence"), ("CONTRASTIVE_LOSS", "ContrastiveLoss"), ("EXP", "Exp"),
    ("DECONVOLUTION", "Deconvolution"),
)  # fmt: skip

#: The current type of a V1 layer by the enum's name, as text has it, and by its number, as
#: weight files have it.
V1_TYPES = dict(_V1)
V1_TYPES_BY_NUMBER = dict(enumerate(V1_TYPES.values()))

#: V0LayerParameter.type to the current type (UpgradeV0LayerType, the same file). "padding" is
#: merged into the convolution or pooling that follows it.
V0_TYPES = {
    "accuracy": "Accuracy", "bnll": "BNLL", "concat": "Concat", "conv": "Convolution",
    "data": "Data", "dropout": "Dropout", "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten", "hdf5_data": "HDF5Data", "hdf5_output": "HDF5Output",
    "im2col": "Im2col", "images": "ImageData", "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct", "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss", "pool": "Pooling", "relu": "ReLU",
    "sigmoid": "Sigmoid", "softmax": "Softmax", "softmax_loss": "SoftmaxWithLoss",
    "split": "Split", "tanh": "TanH", "window_data": "WindowData",
}  # fmt: skip
