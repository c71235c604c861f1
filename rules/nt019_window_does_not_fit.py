"""A window that is larger than the blob it goes over.

What it does
    Reports a kernel that is larger than the padded blob, so that the output has a size below 0, a
    Pooling whose last window begins behind the blob, a pyramid with more bins than pixels, and a
    Crop to more than there is. Both sizes are in the message, with the layer that made them.

Why it matters
    Set-up aborts: `Check failed: shape[i] >= 0 (-1 vs. 0)` for a kernel, `Check failed:
    (pooled_height_ - 1) * stride_h_ < height_ + pad_h_`, `the crop for dimension 2 is
    out-of-bounds with size 9 and offset 0`. Often the input is smaller than the net was made
    for.

Which Caffe
    All. A kernel that is larger by less than a stride gives an empty output, which NT022 is
    about.

Evidence
    compute_output_shape of conv_layer.cpp and deconv_layer.cpp, Reshape of pooling_layer.cpp,
    spp_layer.cpp and crop_layer.cpp; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT019", "window-does-not-fit", Severity.ERROR, faults=(Kind.WINDOW,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.WINDOW)


VALID = (
    Example(
        "bvlc", INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 9 }")
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 13 }"),
        (3,),
    ),
)
