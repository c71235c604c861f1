"""A gaussian filler whose mean is above its standard deviation.

What it does
    Reports a filler of type "gaussian" with a `mean` greater than its `std` (1 if not given),
    in any layer, such as a gamma with `mean: 1 std: 0.02`.

Why it matters
    The random generator of these releases demands the opposite and aborts when the net is
    built: `Check failed: mu <= sigma (1 vs. 0.02)`.

Which Caffe
    NVIDIA 0.16 and later. BVLC and NVIDIA 0.14 and 0.15 take every mean. A mean that equals
    `std`, or is negative, passes; so does the filler of a bias that the layer does not have.

Fix
    Unsafe: a constant filler with the mean as its value.

Evidence
    caffe_rng_gaussian of math_functions.cpp @ caffe-0.16 and caffe-0.17; seen in 0.16.6 and
    0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import delete_fields, replace, replace_value

from ._layers import named


@net_rule(
    "NT013",
    "gaussian-mean-above-std",
    Severity.ERROR,
    where=lambda caffe: caffe.checks_gaussian_mean,
    words=("mean",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.layers:
        if not _has_aborting(net, layer):
            continue
        filler = next((f for f in _fillers(layer.message) if _aborts(f)), None)
        node = filler.node_of("mean") if filler is not None else None
        if filler is None or node is None or not net.keeps(layer):
            continue
        yield Finding(
            node.span,
            f"{named(layer)}: gaussian filler with mean {filler.number('mean'):g} above std "
            f"{filler.number('std'):g} aborts in {net.dialect.name}; use a constant filler",
            layer=layer.name,
            fix=_fix(net, filler),
        )


@layer_fact
def _has_aborting(_net: Net, layer: Layer) -> bool:
    return any(map(_aborts, _fillers(layer.message)))


def _fillers(message: Message) -> Iterator[Message]:
    """Yield the fillers that a layer runs: all but that of a bias it does not have."""
    for name in message.given:
        for value in message.messages(name):
            if value.type.name != "FillerParameter":
                yield from _fillers(value)
            elif not (name == "bias_filler" and "bias_term" in message.type.fields) or message.flag(
                "bias_term"
            ):
                yield value


def _aborts(filler: Message) -> bool:
    return filler.text("type") == "gaussian" and filler.number("mean") > filler.number("std")


def _fix(net: Net, filler: Message) -> Fix | None:
    mean, kind = filler.node_of("mean"), filler.node_of("type")
    surplus = [filler.node_of(name) for name in ("std", "sparse")]
    if "value" in filler or not isinstance(mean, Scalar) or not isinstance(kind, Scalar):
        return None
    edits = [
        replace_value(kind, '"constant"'),
        replace(mean.name_span, "value"),
        *delete_fields(net.source, [node for node in surplus if node is not None]),
    ]
    return Fix("Use a constant filler", tuple(edits), Applicability.UNSAFE)


def _layer(type: str, param: str, filler: str, more: str = "") -> str:
    return f"""\
layer {{
  name: "a" type: "{type}" bottom: "x" top: "a" {more}
  {param} {{
    {filler}
  }}
}}
"""


_GAMMA = ("BatchNorm", "batch_norm_param", 'scale_filler { type: "gaussian" mean: 1 std: 0.02 }')
INVALID = (
    Invalid(
        "nvidia-0.17",
        _layer(*_GAMMA),
        (4,),
        fixed=_layer(*_GAMMA[:2], 'scale_filler { type: "constant" value: 1 }'),
    ),
)
