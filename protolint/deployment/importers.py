"""What importers read of Caffe's layers: facts, each with its source.

Those of OpenCV, MNN, OpenVINO and caffe2onnx were also tried, by nets of one layer against NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping

from protolint.layers.fields import flag, word
from protolint.layers.layer import Layer
from protolint.layers.window import sides
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.record import NamedTuple
from protolint.words import listed

__all__ = ["IMPORTERS", "Importer", "limits", "unread"]


class Importer(NamedTuple):
    """An importer: the layer types that it reads as Caffe does, and the file that says so.

    `ignores` has, by layer type, a parameter message and the fields of it that it does not look
    at, or takes for others; see _counts. `needs_scale_bias`: a Scale is read as if it had a bias,
    whatever bias_term says. `one_bottom` are types of which it reads those with one bottom only.
    `counts_outside`: an average is divided by its whole window, even where that reaches beyond
    the padding (Caffe divides by what is inside: pooling_layer.cpp @ BVLC 1.0).
    """

    title: str
    source: str
    types: str
    ignores: Mapping[str, tuple[str, str]] = {}
    needs_scale_bias: bool = False
    one_bottom: str = ""
    counts_outside: bool = False


#: What each of them reads.
_ALL = (
    "BatchNorm Concat Convolution Crop Deconvolution Eltwise ELU InnerProduct Input LRN Permute"
    " Pooling PReLU ReLU Reshape Scale Sigmoid Softmax TanH Power"
)
_DETECTION = " DetectionOutput Interp Normalize PriorBox ROIPooling ShuffleChannel ReLU6 Flatten"
_IN_LISTS = ("convolution_param", "kernel_size stride pad dilation")
_RESHAPE = ("reshape_param", "axis num_axes")

#: By the name that `--for` takes. Of a field with several values importers often read the first.
IMPORTERS = {
    "opencv": Importer(
        "OpenCV 4",
        "modules/dnn/src/init.cpp @ opencv/opencv 4.x",
        f"{_ALL}{_DETECTION} AbsVal BNLL Dropout Exp Log LSTM MVN Proposal PSROIPooling Silence"
        " Slice Split Swish",
        {
            "InnerProduct": ("inner_product_param", "transpose"),
            "Log": ("log_param", "scale shift"),
            "LRN": ("lrn_param", "k"),
            "PReLU": ("prelu_param", "channel_shared"),
        },
    ),
    "mnn": Importer(
        "MNN 3.6",
        "tools/converter/source/caffe, .../optimizer/caffeextra @ alibaba/MNN 3.6.1",
        f"{_ALL}{_DETECTION} AbsVal Bias BNLL Clip ConvolutionDepthwise Embed Exp Reduction Slice"
        " Threshold",
        {
            "Convolution": _IN_LISTS,
            "Deconvolution": _IN_LISTS,
            "Eltwise": ("eltwise_param", "coeff=1,-1"),
            "LRN": ("lrn_param", "k"),
            "Scale": ("scale_param", "axis"),
        },
        one_bottom="Scale",
    ),
    "ncnn": Importer(
        "ncnn",
        "tools/caffe/caffe2ncnn.cpp @ Tencent/ncnn 20260526",
        f"{_ALL}{_DETECTION} AbsVal BNLL ConvolutionDepthwise DepthwiseConvolution Dropout Embed"
        " LSTM MemoryData MVN PSROIPooling Reorg ROIAlign Silence Slice Split Threshold",
        {
            "Convolution": _IN_LISTS,
            "Deconvolution": _IN_LISTS,
            "Flatten": ("flatten_param", "axis end_axis"),
            "InnerProduct": ("inner_product_param", "axis transpose"),
            "LRN": ("lrn_param", "k"),
            "Reshape": _RESHAPE,
            "Scale": ("scale_param", "axis"),
        },
    ),
    "openvino": Importer(
        "OpenVINO 2023",
        "tools/mo/openvino/tools/mo/front/caffe @ openvinotoolkit/openvino 2023.0.0",
        f"{_ALL}{_DETECTION} ArgMax Axpy Bias Dropout MVN Proposal PSROIPooling Slice Split Tile",
        {
            "InnerProduct": ("inner_product_param", "axis"),
            "Reshape": _RESHAPE,
            "Scale": ("scale_param", "axis"),
        },
        counts_outside=True,
    ),
    "caffe2onnx": Importer(
        "caffe2onnx 2.0",
        "caffe2onnx/src/caffe2onnx.py @ caffe2onnx 2.0.1 (PyPI)",
        f"{_ALL.replace(' ELU', '').replace(' PReLU', '')} Axpy ConvolutionDepthwise"
        " DetectionOutput Dropout Flatten Interp MVN Normalize PriorBox ReLU6 ShuffleChannel Slice"
        " Upsample",
        {
            "Convolution": _IN_LISTS,
            "Eltwise": ("eltwise_param", "operation coeff"),
            "Flatten": ("flatten_param", "axis"),
            "InnerProduct": ("inner_product_param", "axis transpose"),
            "LRN": ("lrn_param", "k norm_region"),
            "MVN": ("mvn_param", "normalize_variance across_channels"),
            "Scale": ("scale_param", "axis"),
            "Slice": ("slice_param", "axis"),
        },
        one_bottom="Scale",
    ),
    "tensorrt": Importer(
        "TensorRT 8",
        "parsers/caffe/caffeParser/opParsers @ NVIDIA/TensorRT release/8.6",
        f"{_ALL} AbsVal BNLL Clip Reduction",
        needs_scale_bias=True,
    ),
}


def limits(name: str, net: Net) -> list[str]:
    """Return what an importer cannot read of a deploy net, or reads as something else."""
    importer = IMPORTERS[name]
    found: dict[str, list[str]] = {}
    for layer in net.layers:
        for problem in _problems(importer, layer):
            found.setdefault(problem, []).append(layer.name)
    if importer.counts_outside:
        names = [layer.name for layer in net.layers if _reaches_outside(net, layer)]
        found.update({"divides averages by more than their padded window": names} if names else {})
    return [f"{importer.title} {what} ({listed(names, 3)})" for what, names in found.items()]


def unread(net: Net) -> list[str]:
    """Return what no importer reads of a deploy net: Python layers, and those of forks."""
    known = {kind for importer in IMPORTERS.values() for kind in importer.types.split()}
    found: dict[str, list[str]] = {}
    for layer in net.layers:
        if layer.type not in known:
            found.setdefault(layer.type, []).append(layer.name)
    return [f"no importer known here reads {kind} ({listed(n, 3)})" for kind, n in found.items()]


def _problems(importer: Importer, layer: Layer) -> list[str]:
    if layer.type not in importer.types.split():
        return [f"does not read {layer.type} as Caffe does"]
    if layer.type in importer.one_bottom.split() and len(layer.bottoms) > 1:
        return [f"reads no {layer.type} of {len(layer.bottoms)} bottoms"]
    if importer.needs_scale_bias and layer.type == "Scale":
        return ["reads a Scale as if it had a bias"] * (not flag(layer, "scale_param", "bias_term"))
    message, fields = importer.ignores.get(layer.type, ("", ""))
    return [
        f"does not read {field.partition('=')[0]} of {layer.type} as Caffe does"
        for field in fields.split()
        if _counts(layer, message, field)
    ]


def _reaches_outside(net: Net, layer: Layer) -> bool:
    """Whether an average of a padded blob has a window that reaches beyond the padding."""
    view = net.views[0]
    bottom = view.bottom(layer)
    if (
        layer.type != "Pooling"
        or word(layer, "pooling_param", "pool", "MAX") != "AVE"
        or not bottom
    ):
        return False
    known = shapes(net, view)
    before, after = known[bottom], known[view.tops[layer.index][0]]
    sizes = zip(sides(layer), before.dims[2:], after.dims[2:], strict=False)
    return any(
        window.pad
        and (n or 1) * window.stride - window.stride + (window.kernel or 0)
        > (size or 0) + 2 * window.pad
        for window, size, n in sizes
    )


def _counts(layer: Layer, message: str, field: str) -> bool:
    """Whether a field has a value that is not its default, or several different ones.

    With `field=values` those are what the importer reads right.
    """
    name, _, right = field.partition("=")
    param = layer.parameter(message)
    given = param.values.get(name, ()) if param is not None else ()
    if param is None or not given:
        return False
    values = [value for value, _ in given]
    if right:
        return ",".join(f"{value:g}" for value in param.numbers(name)) != right
    known = param.type.fields[name]
    return len(set(values)) > 1 if known.repeated else values[0] != known.default
