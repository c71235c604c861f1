"""More of NT020: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Invalid
from protolint.rules._construction import INPUT, layer

INVALID = (
    Invalid(
        "nvidia-0.17",
        INPUT + layer("Convolution", "convolution_param { num_output: 5 kernel_size: 3 group: 4 }"),
        (4,),
    ),
    Invalid(
        "intel",
        INPUT
        + layer(
            "BatchNorm",
            "batch_norm_param { engine: CAFFE use_global_stats: false stats_batch_size: 3 }",
        ),
        (4,),
    ),
)
