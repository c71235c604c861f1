"""More of PT004: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (Example("bvlc", "layer { name: 3 }\n"),)
INVALID = (
    Invalid("bvlc", 'layer {\n  name: "a"\n  name: "b"\n  name: "c"\n}\n', (3, 4)),
    # What is of another Caffe is said once.
    Invalid("ssd", "layer {\n  transform_param {" + "\n  resize_param { }" * 3 + " } }\n", (4,)),
    Invalid("bvlc", 'layer {\n  name: "a"\n  type: "ReLU"\n  name: "b"\n}\n', (4,)),
    Invalid(
        "bvlc",
        'layer {\n  type: "Pooling"\n  pooling_param { kernel_size: 3\n  kernel_size: 3 }\n}\n',
        (4,),
    ),
    Invalid(
        "bvlc", "layer { param { lr_mult: 1 } batch_norm_param { }\nbatch_norm_param { } }\n", (2,)
    ),
)
