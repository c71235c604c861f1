"""Forks that are no targets: who knows a field that the target does not."""

from __future__ import annotations

__all__ = [
    "FOREIGN_SCHEMAS",
    "FORK_FIELDS",
    "FORK_LAYOUTS",
    "FORK_TYPES",
    "GREW_FROM",
    "SCHEMA_TITLES",
]

#: Schemas looked through, in this order, for who knows a field that the target does not.
FOREIGN_SCHEMAS = (
    "bvlc",
    "nvidia-0.14",
    "nvidia-0.15",
    "nvidia-0.16",
    "nvidia-0.17",
    "ssd",
    "intel",
)

#: Schemas that are named only for what the one they grew from has not.
GREW_FROM = {"ssd": "bvlc"}

#: What a message calls a schema, where not by its name.
SCHEMA_TITLES = {"intel": "Intel Caffe"}

#: Fields of forks that protolint has no schema for: (message, field) to the fork's name.
FORK_FIELDS = {
    ("LayerParameter", "bn_param"): "SegNet, ENet and yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "shift_filler"): "SegNet and ENet Caffe",
    ("BatchNormParameter", "bn_mode"): "SegNet and ENet Caffe",
    ("BatchNormParameter", "frozen"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "slope_filler"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "momentum"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "use_weight_bias"): "Intel Caffe",
}

#: Layer types of forks that protolint has no module for.
FORK_TYPES = {"BN": "SegNet, ENet and yjxiong/PSPNet Caffe"}

#: Layouts of BatchNorms in the weight files of forks, in groups: the first that fits counts.
FORK_LAYOUTS = {
    "segnet": (("SEG",),),
    "yjxiong": (("YJX", "YJX-inv-std"),),
    "pspnet": (("PSP",),),
}
