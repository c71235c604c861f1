"""More of PT008: every type that transforms images."""

from protolint.lint.rule import Example

_TYPES = {
    "bvlc": ("Data", "HDF5Data", "MemoryData", "WindowData"),
    "nvidia-0.15": ("DetectNetTransformation",),
    "ssd": ("AnnotatedData", "DetectionOutput", "VideoData"),
    "intel": ("BoxData",),
}
VALID = tuple(
    Example(
        target, f'layer {{ name: "a" type: "{name}" top: "a" transform_param {{ scale: 2 }} }}\n'
    )
    for target, names in _TYPES.items()
    for name in names
)
