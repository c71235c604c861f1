"""More of PT007: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (
    Example("bvlc", 'layer { type: "Pooling" pooling_param { pool: 1 global_pooling: t } }\n'),
    Example("bvlc", 'layer { type: "X" include { phase: TRAIN } loss_weight: [1, 2] }\n'),
    Example("bvlc", 'layer { type: CONVOLUTION name: "a" name: "b" }\n'),
)
INVALID = (
    Invalid(
        "nvidia-0.15",
        'layer { type: "BatchNorm" batch_norm_param { engine: cudnn } }\n',
        (1,),
        fixed='layer { type: "BatchNorm" batch_norm_param { engine: CUDNN } }\n',
    ),
    Invalid("bvlc", "base_lr: fast\ndevice_id: [0, 1]\n", (1, 2)),
    Invalid("bvlc", 'layer { type: "Clip" clip_param { min: 0 } }\n', (1,)),
    Invalid("bvlc", 'layer { type: "ReLU" param: 1 }\n', (1,)),
    # Of what cannot be told from what is written, one value is named where there are many.
    Invalid("bvlc", "layer { name { } }\n", (1,)),
    Invalid("bvlc", 'layer { inner_product_param { bias_term: "true" } }\n', (1,)),
    Invalid("nvidia-0.16", "layer { blobs { raw_data: 1 } }\n", (1,)),
    Invalid("nvidia-0.15", "layer { batch_norm_param { engine: fast } }\n", (1,)),
    Invalid(
        "bvlc",
        "layer { pooling_param { pool: AVERAGE }\n  include { phase: TRIAN } }\n",
        (1, 2),
        fixed="layer { pooling_param { pool: AVE }\n  include { phase: TRAIN } }\n",
    ),
    Invalid(
        "bvlc",
        "layer { eltwise_param { operation: add } }\n",
        (1,),
        fixed="layer { eltwise_param { operation: SUM } }\n",
    ),
    Invalid(
        "bvlc",
        'layer { pooling_param { global_pooling: "false" } }\n',
        (1,),
        fixed="layer { pooling_param { global_pooling: false } }\n",
    ),
    Invalid("bvlc", "layer { pooling_param { global_pooling: maybe } }\n", (1,)),
)
