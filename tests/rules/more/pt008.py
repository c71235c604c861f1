"""More of PT008: every type that transforms images, and what a type reads beside its own."""

from protolint.lint.rule import Example, Invalid


def _layer(type: str, inside: str) -> str:
    return f'layer {{\n  name: "a"\n  type: "{type}"\n  bottom: "x"\n  top: "a"\n  {inside}\n}}\n'


_IMAGES = 'layer { name: "d" type: "ImageData" top: "x" top: "y" %s }\n'

_TYPES = {
    "bvlc": ("Data", "HDF5Data", "MemoryData", "WindowData"),
    "nvidia-0.15": ("DetectNetTransformation",),
    "ssd": ("AnnotatedData", "DetectionOutput", "VideoData"),
    "intel": ("BoxData",),
}
VALID = (
    Example("bvlc", _layer("Deconvolution", "convolution_param { num_output: 2 }")),
    Example("bvlc", _layer("Im2col", "convolution_param { kernel_size: 3 }")),
    Example("nvidia-0.15", _layer("Crop", "crop_param { axis: 2 }")),
    Example("bvlc", _IMAGES % "transform_param { scale: 2 }"),
    Example("bvlc", _layer("Python", "convolution_param { }")),
    Example("bvlc", _layer("Own", "convolution_param { }")),
    Example("bvlc", 'layers { name: "r" type: RELU bottom: "x" top: "x" relu_param { } }\n'),
    Example("bvlc", _layer("BatchNorm", "include { min_level: 9 } scale_param { }")),
    Example("bvlc", _layer("ReLU", 'blobs_lr: 1 top: "b"')),
    Example("bvlc", _layer("Convolution", "convolution_param { } loss_param { }")),
    Example("intel", _layer("Pooling", "quantization_param { bw_layer_in: 8 }")),
    Example("nvidia-0.17", _IMAGES % "data_param { prefetch: 8 threads: 2 parser_threads: 2 }"),
    Example("bvlc", _layer("ReLU", "include { phase: TRAIN } param { }")),
    *(
        Example(
            target,
            f'layer {{ name: "a" type: "{name}" top: "a" transform_param {{ scale: 2 }} }}\n',
        )
        for target, names in _TYPES.items()
        for name in names
    ),
    Example("bvlc", _layer("SoftmaxWithLoss", "softmax_param { axis: 1 } loss_param { }")),
    Example("bvlc", _IMAGES % "image_data_param { batch_size: 8 } data_param { prefetch: 8 }"),
)
INVALID = (
    Invalid("nvidia-0.14", _layer("InnerProduct", "convolution_param { num_output: 2 }"), (6,)),
    Invalid("bvlc", _layer("ReLU", "pooling_param { }\n  dropout_param { }"), (6,)),
    Invalid("bvlc", 'layers { name: "r" type: RELU\n  lrn_param { } }\n', (2,)),
    Invalid("bvlc", _layer("ReLU", "data_param { prefetch: 8 }"), (6,)),
    Invalid("bvlc", _layer("ReLU", "pooling_param { }") * 2, (6, 13)),
    Invalid("nvidia-0.17", _layer("DummyData", "transform_param { scale: 2 }"), (6,)),
    Invalid("nvidia-0.15", _layer("Scale", "batch_norm_param { scale_filler { } }"), (6,)),
    Invalid("bvlc", _IMAGES % "data_param { source: 'list.txt' batch_size: 8 }", (1,)),
)
