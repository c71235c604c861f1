"""Values of a sampler or of distortions that the first batch aborts at.

What it does
    Reports, in the data layers of SSD, a `sampler` with a `min_scale` or `min_aspect_ratio` not
    above 0, a `max_scale` above 1 or a maximum below its minimum; and in `distort_param` a
    delta or a lower bound below 0, or an upper bound below the lower.

Why it matters
    The net is built. Training aborts at the first batch that draws from the sampler: `Check
    failed: sampler.min_scale() > 0.`

Which Caffe
    Those that have AnnotatedData. A sampler that is never drawn from (`use_original_image: false`,
    `max_sample: 0`), and a distortion whose probability is 0, are not looked at.

Evidence
    lucasjinreal/kitti-ssd#15; SampleBBox (src/caffe/util/sampler.cpp), im_transforms.cpp @
    weiliu89/caffe ssd, NVIDIA v0.17.4, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.source import Span

from ._layers import named

_BOUNDS = ("scale", "aspect_ratio")


@net_rule(
    "NT038",
    "sampler-out-of-range",
    Severity.ERROR,
    where=lambda caffe: caffe.registers("AnnotatedData"),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(("AnnotatedData",)):
        if not net.keeps(layer):
            continue
        found = [*_samplers(layer.parameter("annotated_data_param"))]
        transform = layer.parameter("transform_param")
        distort = None if transform is None else transform.message("distort_param")
        found += [] if distort is None else [*_distortions(distort)]
        for span, text in found[:1]:
            yield Finding(span, f"{named(layer)}: {text}", layer=layer.name)


def _samplers(param: Message | None) -> Iterator[tuple[Span, str]]:
    """Yield where a sampler is wrong and how."""
    for batch in param.messages("batch_sampler") if param is not None else ():
        sampler = batch.message("sampler")
        never = "max_sample" in batch and batch.integer("max_sample") == 0
        if sampler is None or never or not batch.flag("use_original_image"):
            continue
        for name in _BOUNDS:
            least, most = sampler.number(f"min_{name}"), sampler.number(f"max_{name}")
            if least <= 0:
                yield _at(sampler, f"min_{name}"), f"min_{name} {least:g}; it must be above 0"
            elif name == "scale" and most > 1:
                yield _at(sampler, "max_scale"), f"max_scale {most:g}; it must be at most 1"
            elif most < least:
                field = f"max_{name}" if f"max_{name}" in sampler else f"min_{name}"
                yield (
                    _at(sampler, field),
                    f"max_{name} {most:g} is below min_{name} {least:g}; swap them",
                )


def _distortions(distort: Message) -> Iterator[tuple[Span, str]]:
    """Yield which distortion is wrong and how."""
    for name in ("brightness", "hue"):
        field = f"{name}_delta"
        if distort.number(f"{name}_prob") > 0 > distort.number(field):
            yield _at(distort, field), f"{field} {distort.number(field):g}; it must be 0 or more"
    for name in ("contrast", "saturation"):
        lower, upper = distort.number(f"{name}_lower"), distort.number(f"{name}_upper")
        if distort.number(f"{name}_prob") > 0 and (lower < 0 or upper < lower):
            field = f"{name}_lower" if f"{name}_lower" in distort else f"{name}_prob"
            yield _at(distort, field), f"{name} from {lower:g} to {upper:g}; it goes from 0 up"


def _at(message: Message, field: str) -> Span:
    node = message.node_of(field)
    return node.span if node is not None else Span(0, 0)


def _net(sampler: str, batch: str = "", distort: str = "") -> str:
    return f"""\
layer {{
  name: "d" type: "AnnotatedData" top: "x" top: "t" data_param {{ source: "s" }}
  annotated_data_param {{
    batch_sampler {{ {batch}
      sampler {{ {sampler} }}
    }}
  }}
  transform_param {{ distort_param {{ {distort} }} }}
}}
"""


VALID = (Example("ssd", _net("")),)
INVALID = (Invalid("ssd", _net("min_scale: 0.0 max_scale: 1.0"), (5,)),)
