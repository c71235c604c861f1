"""What older generations of the format are called today: layer types, fields, solver types.

All of it is src/caffe/util/upgrade_proto.cpp @ BVLC master, where an entry names no other
source. The readers, the walk and `protolint upgrade` have it from here.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = [
    "FORK_V1_TYPES", "SOLVER_TYPES", "TRANSFORMED_TYPES", "TRANSFORM_FIELDS", "V0_FIELDS",
    "V0_KEPT", "V0_TYPES", "V1_PARAM_FIELDS", "V1_TYPES", "V1_TYPES_BY_NUMBER", "v0_place",
]  # fmt: skip

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

#: Values of the enum in forks that upgrade them in their own way, and the type registered
#: there: ROI_POOLING and SMOOTH_L1_LOSS of rbgirshick/caffe-fast-rcnn, CROP of longjon/caffe.
FORK_V1_TYPES = {"CROP": "Crop", "ROI_POOLING": "ROIPooling", "SMOOTH_L1_LOSS": "SmoothL1Loss"}

#: The repeated fields of V1LayerParameter that become `param` blocks by their index, and the
#: field of ParamSpec that each is (UpgradeV1LayerParameter).
V1_PARAM_FIELDS = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}

#: Fields of V0LayerParameter that are fields of the layer itself under the same name.
V0_KEPT = frozenset({"name", "type", "blobs", "blobs_lr", "weight_decay"})

_CONV = ("convolution_param", "conv")
_DENSE = ("inner_product_param", "innerproduct")
_POOL = ("pooling_param", "pool")
_LRN = ("lrn_param", "lrn")
_IMAGES = ("image_data_param", "images")
_WINDOW = ("window_data_param", "window_data")
_DATA = (("data_param", "data"), ("hdf5_data_param", "hdf5_data"), _IMAGES, _WINDOW)

#: Every other field of V0LayerParameter: what it is called today, and the parameter messages
#: it belongs to, each with the V0 type that has it; "" is any type. A field of another type is
#: dropped ("Unknown parameter ... for layer type ...; continuing anyway"), and so are new_num and
#: new_channels, which nothing reads.
V0_FIELDS = MappingProxyType(
    {
        "num_output": ("num_output", (_CONV, _DENSE)),
        "biasterm": ("bias_term", (_CONV, _DENSE)),
        "weight_filler": ("weight_filler", (_CONV, _DENSE)),
        "bias_filler": ("bias_filler", (_CONV, _DENSE)),
        "pad": ("pad", (_CONV, _POOL)),
        "kernelsize": ("kernel_size", (_CONV, _POOL)),
        "group": ("group", (_CONV,)),
        "stride": ("stride", (_CONV, _POOL)),
        "pool": ("pool", (_POOL,)),
        "dropout_ratio": ("dropout_ratio", (("dropout_param", "dropout"),)),
        "local_size": ("local_size", (_LRN,)),
        "alpha": ("alpha", (_LRN,)),
        "beta": ("beta", (_LRN,)),
        "k": ("k", (_LRN,)),
        "source": ("source", (*_DATA, ("infogain_loss_param", "infogain_loss"))),
        "scale": ("scale", (("transform_param", ""),)),
        "meanfile": ("mean_file", (("transform_param", ""),)),
        "batchsize": ("batch_size", _DATA),
        "cropsize": ("crop_size", (("transform_param", ""),)),
        "mirror": ("mirror", (("transform_param", ""),)),
        "rand_skip": ("rand_skip", (("data_param", "data"), _IMAGES)),
        "shuffle_images": ("shuffle", (_IMAGES,)),
        "new_height": ("new_height", (_IMAGES,)),
        "new_width": ("new_width", (_IMAGES,)),
        "concat_dim": ("concat_dim", (("concat_param", "concat"),)),
        "det_fg_threshold": ("fg_threshold", (_WINDOW,)),
        "det_bg_threshold": ("bg_threshold", (_WINDOW,)),
        "det_fg_fraction": ("fg_fraction", (_WINDOW,)),
        "det_context_pad": ("context_pad", (_WINDOW,)),
        "det_crop_mode": ("crop_mode", (_WINDOW,)),
        "hdf5_output_param": ("", (("hdf5_output_param", "hdf5_output"),)),
    }
)


def v0_place(v0_type: str, field: str) -> tuple[str, str] | None:
    """Return the parameter message and the field in it that a field of a V0 layer becomes.

    The field is "" where it is the message itself; None where the field is dropped.
    """
    name, places = V0_FIELDS.get(field, ("", ()))
    for parameter, owner in places:
        if owner in (v0_type, ""):
            return parameter, name
    return None


#: V1 layers whose own parameter message once held what transform_param holds now, and the
#: fields that moved (UpgradeNetDataTransformation).
TRANSFORMED_TYPES = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")

#: SolverParameter.solver_type to the type of today (UpgradeSolverType).
SOLVER_TYPES = {
    "SGD": "SGD", "NESTEROV": "Nesterov", "ADAGRAD": "AdaGrad", "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta", "ADAM": "Adam", "SAG": "SAG",
}  # fmt: skip
