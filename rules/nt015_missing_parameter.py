"""A parameter that the layer type cannot do without.

What it does
    Reports a Convolution, InnerProduct, Embed or LSTM without `num_output`, a Convolution or
    Pooling without a kernel size, a Tile without `tiles`, an SPP without `pyramid_height`, a
    Python layer without `module`, and SSD layers without `num_classes`
    or `min_size`.

Why it matters
    Set-up aborts: `Check failed: num_output_ > 0`, `kernel_size must be specified once, or once
    per spatial dimension`, `Number of tiles must be specified`, `Must provide num_classes.`, `must
    provide min_size.`, `Check failed: blob->count()` for an InnerProduct.

Which Caffe
    All. A field that is misspelt is reported by PT002, and nothing else of that layer then.
    A data layer without `source` is left alone, since DIGITS writes it into the net later; whether
    it is built is open.

Evidence
    LayerSetUp of each layer in src/caffe/layers; verdicts of real builds of BVLC, SSD, Intel and
    NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT015", "missing-parameter", Severity.ERROR, faults=(Kind.MISSING,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.MISSING)


VALID = (
    Example(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3  }"),
    ),
)
INVALID = (
    Invalid("bvlc", INPUT + layer("Convolution", "convolution_param { kernel_size: 3 }"), (4,)),
)
