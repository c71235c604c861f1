"""Caffe's upgrade stated once more, on protobuf messages, in the order of the original.

src/caffe/util/upgrade_proto.cpp @ BVLC master. It shares no table with protolint.
"""

from __future__ import annotations

from typing import Any

from protolint.caffe.descriptors import load_schema

NET = load_schema("bvlc").message_class("NetParameter")
SOLVER = load_schema("bvlc").message_class("SolverParameter")


class RefusedError(Exception):
    """Caffe would abort."""


def upgrade_net(net: Any) -> Any:
    """What UpgradeNetAsNeeded makes of a NetParameter; raises RefusedError where it aborts."""
    if any(layer.HasField("layer") for layer in net.layers):
        net = _from_v0(_without_padding(net))
    _move_transformations(net)
    if net.layers:
        net = _from_v1(net)
    if net.input:
        _make_input_layer(net)
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:
            for param in layer.param:
                param.lr_mult = param.decay_mult = 0
    return net


def upgrade_solver(solver: Any) -> Any:
    """What UpgradeSolverAsNeeded makes of a SolverParameter."""
    if solver.HasField("solver_type"):
        if solver.HasField("type"):
            raise RefusedError
        names = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
        solver.type = names[solver.solver_type]
        solver.ClearField("solver_type")
    return solver


def _without_padding(net: Any) -> Any:
    made = NET()
    made.CopyFrom(net)
    made.ClearField("layers")
    last = dict.fromkeys(net.input, -1)
    for i, layer in enumerate(net.layers):
        if layer.layer.type != "padding":
            made.layers.add().CopyFrom(layer)
        for bottom in layer.bottom:
            if bottom not in last:
                raise RefusedError
            if last[bottom] == -1 or net.layers[last[bottom]].layer.type != "padding":
                continue
            source = net.layers[last[bottom]]
            alone = len(layer.bottom) == len(source.bottom) == len(source.top) == 1
            if layer.layer.type not in ("conv", "pool") or not alone:
                raise RefusedError
            made.layers[-1].layer.pad = source.layer.pad
            made.layers[-1].bottom[0] = source.bottom[0]
        last.update(dict.fromkeys(layer.top, i))
    return made


_V0 = """accuracy=ACCURACY bnll=BNLL concat=CONCAT conv=CONVOLUTION data=DATA dropout=DROPOUT
euclidean_loss=EUCLIDEAN_LOSS flatten=FLATTEN hdf5_data=HDF5_DATA hdf5_output=HDF5_OUTPUT
im2col=IM2COL images=IMAGE_DATA infogain_loss=INFOGAIN_LOSS innerproduct=INNER_PRODUCT lrn=LRN
multinomial_logistic_loss=MULTINOMIAL_LOGISTIC_LOSS pool=POOLING relu=RELU sigmoid=SIGMOID
softmax=SOFTMAX softmax_loss=SOFTMAX_LOSS split=SPLIT tanh=TANH window_data=WINDOW_DATA"""
_V0_ENUM = dict(pair.split("=") for pair in _V0.split())
_MOVES = """num_output:conv=convolution_param.num_output,innerproduct=inner_product_param.num_output
biasterm:conv=convolution_param.bias_term,innerproduct=inner_product_param.bias_term
group:conv=convolution_param.group
pool:pool=pooling_param.pool
dropout_ratio:dropout=dropout_param.dropout_ratio
local_size:lrn=lrn_param.local_size
alpha:lrn=lrn_param.alpha
beta:lrn=lrn_param.beta
k:lrn=lrn_param.k
source:data=data_param.source,hdf5_data=hdf5_data_param.source,images=image_data_param.source,\
window_data=window_data_param.source,infogain_loss=infogain_loss_param.source
batchsize:data=data_param.batch_size,hdf5_data=hdf5_data_param.batch_size,\
images=image_data_param.batch_size,window_data=window_data_param.batch_size
rand_skip:data=data_param.rand_skip,images=image_data_param.rand_skip
shuffle_images:images=image_data_param.shuffle
new_height:images=image_data_param.new_height
new_width:images=image_data_param.new_width
concat_dim:concat=concat_param.concat_dim
det_fg_threshold:window_data=window_data_param.fg_threshold
det_bg_threshold:window_data=window_data_param.bg_threshold
det_fg_fraction:window_data=window_data_param.fg_fraction
det_context_pad:window_data=window_data_param.context_pad
det_crop_mode:window_data=window_data_param.crop_mode"""


def _from_v0(net: Any) -> Any:
    made = NET()
    if net.HasField("name"):
        made.name = net.name
    for old in net.layers:
        _layer_from_v0(old, made.layers.add())
    made.input.extend(net.input)
    made.input_dim.extend(net.input_dim)
    if net.HasField("force_backward"):
        made.force_backward = net.force_backward
    return made


def _layer_from_v0(old: Any, new: Any) -> None:
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    if not old.HasField("layer"):
        return
    v0 = old.layer
    if v0.HasField("name"):
        new.name = v0.name
    if v0.HasField("type"):
        if v0.type not in _V0_ENUM:
            raise RefusedError
        enum = type(new).DESCRIPTOR.fields_by_name["type"].enum_type
        new.type = enum.values_by_name[_V0_ENUM[v0.type]].number
    new.blobs.extend(v0.blobs)
    new.blobs_lr.extend(v0.blobs_lr)
    new.weight_decay.extend(v0.weight_decay)
    for filler in ("weight_filler", "bias_filler"):
        if v0.HasField(filler) and v0.type in ("conv", "innerproduct"):
            short = "convolution_param" if v0.type == "conv" else "inner_product_param"
            getattr(getattr(new, short), filler).CopyFrom(getattr(v0, filler))
    for field, size in (("pad", "pad"), ("kernelsize", "kernel_size"), ("stride", "stride")):
        if v0.HasField(field) and v0.type == "conv":
            getattr(new.convolution_param, size).append(getattr(v0, field))
        elif v0.HasField(field) and v0.type == "pool":
            setattr(new.pooling_param, size, getattr(v0, field))
    for line in _MOVES.splitlines():
        field, places = line.split(":")
        if not v0.HasField(field):
            continue
        for place in places.split(","):
            owner, target = place.split("=")
            if owner == v0.type:
                message, name = target.split(".")
                setattr(getattr(new, message), name, getattr(v0, field))
    moved = (("scale", "scale"), ("meanfile", "mean_file"), ("cropsize", "crop_size"),
             ("mirror", "mirror"))  # fmt: skip
    for field, name in moved:
        if v0.HasField(field):
            setattr(new.transform_param, name, getattr(v0, field))
    if v0.HasField("hdf5_output_param") and v0.type == "hdf5_output":
        new.hdf5_output_param.CopyFrom(v0.hdf5_output_param)


_DATA = {5: "data_param", 12: "image_data_param", 24: "window_data_param"}
_OLD = ("scale", "mean_file", "crop_size", "mirror")


def _move_transformations(net: Any) -> None:
    old = [layer for layer in net.layers if layer.type in _DATA]
    params = [getattr(layer, _DATA[layer.type]) for layer in old]
    if not any(param.HasField(field) for param in params for field in _OLD):
        return
    for layer, param in zip(old, params, strict=True):
        param.SetInParent()
        layer.transform_param.SetInParent()
        for field in _OLD:
            if param.HasField(field):
                setattr(layer.transform_param, field, getattr(param, field))
                param.ClearField(field)


_V1 = """. Accuracy BNLL Concat Convolution Data Dropout EuclideanLoss Flatten HDF5Data HDF5Output
Im2col ImageData InfogainLoss InnerProduct LRN MultinomialLogisticLoss Pooling ReLU Sigmoid Softmax
SoftmaxWithLoss Split TanH WindowData Eltwise Power SigmoidCrossEntropyLoss HingeLoss MemoryData
ArgMax Threshold DummyData Slice MVN AbsVal Silence ContrastiveLoss Exp Deconvolution"""


def _from_v1(net: Any) -> Any:
    if net.layer:
        raise RefusedError
    made = NET()
    made.CopyFrom(net)
    made.ClearField("layers")
    for old in net.layers:
        new = made.layer.add()
        for field, value in old.ListFields():
            if field.name == "type":
                new.type = _V1.split()[value].replace(".", "")
            elif field.name in ("param", "blob_share_mode", "blobs_lr", "weight_decay"):
                name = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult",
                        "weight_decay": "decay_mult"}[field.name]  # fmt: skip
                for i, each in enumerate(value):
                    while len(new.param) <= i:
                        new.param.add()
                    setattr(new.param[i], name, each)
            elif isinstance(value, (str, bytes)):
                setattr(new, field.name, value)
            elif hasattr(value, "CopyFrom"):
                getattr(new, field.name).CopyFrom(value)
            else:
                getattr(new, field.name).extend(value)
    return made


def _make_input_layer(net: Any) -> None:
    if net.input_shape or net.input_dim:
        layers = list(net.layer)
        net.ClearField("layer")
        first = net.layer.add(name="input", type="Input")
        for i, name in enumerate(net.input):
            first.top.append(name)
            shape = first.input_param.shape.add()
            if net.input_shape:
                shape.CopyFrom(net.input_shape[i])
            else:
                if len(net.input_dim) < 4 * i + 4:
                    raise RefusedError
                shape.dim.extend(net.input_dim[4 * i : 4 * i + 4])
        net.layer.extend(layers)
    for field in ("input", "input_shape", "input_dim"):
        net.ClearField(field)
