"""Mean values that are not as many as the image has channels.

What it does
    Reports a data layer with several `mean_value` where the number of channels is known and
    another: images of `is_color: false` have one channel, others and windows three, a
    MemoryData has its `channels`.

Why it matters
    The net is built, and the first batch aborts: `Specify either 1 mean_value or as many as
    channels`.

Which Caffe
    All. One value for any number of channels is right. How many channels a database has is not
    in the text, unless `force_encoded_color` makes them three.

Evidence
    weiliu89/caffe#354; DataTransformer::Transform (src/caffe/data_transformer.cpp) of every
    branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.fields import flag, size
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named

_TYPES = ("AnnotatedData", "Data", "ImageData", "MemoryData", "WindowData")


@net_rule("NT036", "mean-values-do-not-fit", Severity.ERROR, words=("mean_value",))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(_TYPES):
        param = layer.parameter("transform_param")
        if param is None or not net.keeps(layer):
            continue
        given, channels = param.nodes_of("mean_value"), _channels(layer)
        count = len(param.numbers("mean_value"))
        if count < 2 or channels is None or count == channels:
            continue
        yield Finding(
            given[0].span,
            f"{named(layer)}: {count} mean_value for images of {channels} "
            f"channel{'s' * (channels != 1)}; give one, or one for each",
            layer=layer.name,
        )


def _channels(layer: Layer) -> int | None:
    """Return how many channels the images of a data layer have, as far as the text says it."""
    if layer.type == "ImageData":
        return 3 if flag(layer, "image_data_param", "is_color", True) else 1
    if layer.type == "MemoryData":
        return size(layer, "memory_data_param", "channels")
    if layer.type == "WindowData":
        return 3
    return 3 if flag(layer, "data_param", "force_encoded_color") else None


VALID = (
    Example(
        "bvlc",
        """\
layer {
  name: "d"
  type: "ImageData"
  top: "x"
  top: "t"
  transform_param { mean_value: 1 }
  image_data_param { is_color: false }
}
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer {
  name: "d"
  type: "ImageData"
  top: "x"
  top: "t"
  transform_param { mean_value: [1, 2, 3] }
  image_data_param { is_color: false }
}
""",
        (6,),
    ),
)
