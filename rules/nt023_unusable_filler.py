"""A filler that this Caffe does not have, or that does not suit the blob.

What it does
    Reports a `type` of a filler that the Caffe does not have, such as `MSRA`, `Xavier` or
    `const`; a bilinear filler for a blob without four axes or with a kernel that is not square;
    a gaussian one without a `std` above 0, a uniform one with `min` above `max`, and `sparse` in
    a filler other than gaussian. NT013 is about a gaussian mean.

Why it matters
    Set-up aborts: `Unknown filler name: MSRA`, `Blob must be 4 dim.`, `Filter must be square`,
    `Check failed: sigma > 0`, `Check failed: a <= b`, `Sparsity not supported by this Filler.`

Which Caffe
    All. NVIDIA 0.15 and later also have `xavierstatic` and the like, Intel has `gabor`; xavier
    and msra need two axes in Intel, and take four at most in all but BVLC. A filler of a blob
    that the layer does not have is not looked at.

Fix
    Safe where only the case is wrong (`MSRA` to `msra`), else unsafe: the nearest name.

Evidence
    GetFiller of include/caffe/filler.hpp in every branch; verdicts of real builds of BVLC, SSD,
    Intel and NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.fillers import meant_filler
from protolint.layers.setup_check import Fault, Kind
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.init import faults_of
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.values import quoted
from protolint.text.write import quote, replace_value

from ._construction import findings


@net_rule("NT023", "unusable-filler", Severity.ERROR, faults=(Kind.FILLER,))
def check(net: Net) -> Iterator[Finding]:
    fixes = {fault.span: _fix(net, fault) for fault, _ in faults_of(net, Kind.FILLER)}
    for finding in findings(net, Kind.FILLER, where=lambda fault: "above std" not in fault.message):
        yield finding._replace(fix=fixes[finding.span])


def _fix(net: Net, fault: Fault) -> Fix | None:
    node = fault.node
    if not isinstance(node, Scalar):
        return None
    name = quoted(node.raw).decode("utf-8", "replace")
    meant = meant_filler(name, net.dialect.building.fillers)
    if not meant:
        return None
    safe = meant == name.lower()
    applicability = Applicability.SAFE if safe else Applicability.UNSAFE
    return Fix(f"Use {meant}", (replace_value(node, quote(meant)),), applicability)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }
layer {
  name: "a" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "MSRA" } }
}
""",
        (4,),
        fixed="""\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }
layer {
  name: "a" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "msra" } }
}
""",
    ),
)
