"""More of NT030: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt030_weights_start_at_zero import (
    _DATA,
    _FIRST,
    _FROZEN,
    _MSRA,
    _RELU,
    _conv,
    _net,
    _relu,
)

_TRAIN = ("hdf5", "include { phase: TRAIN } hdf5", 1)

_SIGMOID = 'layer { name: "s" type: "Sigmoid" bottom: "b" top: "b" }\n'

_DROPOUT = _SIGMOID.replace("Sigmoid", "Dropout")

_SILENCE = 'layer { name: "q" type: "Silence" bottom: "b" }\n'

_SHIFT = """\
layer { name: "s" type: "Scale" bottom: "b" top: "b"
  scale_param { bias_term: true bias_filler { value: %s } } }
"""

_SOLVED = {"solver.prototxt": 'net: "example.prototxt"\nweights: "w"\nbase_lr: 0.1\n'}

VALID = (
    Example("bvlc", _net(_FIRST, _conv("b", "a", _MSRA), _relu("b"), end="b")),
    # A net for fine-tuning.
    Example(
        "bvlc", _net(_conv("a", "x", "", _FROZEN), _relu("a"), _conv("b", "a", _MSRA), end="b")
    ),
    Example("bvlc", _net(_conv("a", "x", ""), _relu("a"), _conv("b", "a", _MSRA), end="b")),
    Example("bvlc", _net(_conv("a", "x", "", _FROZEN), _conv("b", "a", ""), end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _relu("b"), end="b"), _SOLVED),
    Example("bvlc", _net(_conv("a", "x", ""), end="a")),
    # Gradients pass.
    Example(
        "bvlc",
        _net(_FIRST, _conv("b", "a", "bias_filler { value: 0.1 }"), _relu("b"), end="b"),
    ),
    Example(
        "bvlc",
        _net(
            _FIRST, _conv("b", "a", ""), _relu("b", "relu_param { negative_slope: 0.1 }"), end="b"
        ),
    ),
    # The weights are those of another layer.
    Example("bvlc", _net(_FIRST, _conv("b", "a", "", 'param { name: "w" }'), _relu("b"), end="b")),
    # One layer that learns.
    Example(
        "bvlc",
        _net(_conv("a", "x", "", _FROZEN), _conv("b", "a", ""), end="b").replace(*_TRAIN),
    ),
    Example("bvlc", _net(_conv("a", "x", ""), end="a").replace(*_TRAIN)),
    # A bias that is not 0 behind the weights.
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _SHIFT % "0.1", _relu("b"), end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _SIGMOID, end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _SILENCE, _relu("b"), end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", "", "include { phase: TEST }"), end="a")),
    # A second reader, or one that makes something else of 0, stands between.
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _RELU % ("b", "b", "y", ""), end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), _SIGMOID, _relu("b"), end="b")),
    Example("bvlc", _net(_FIRST, _conv("b", "a", "").replace(' top: "b"', ""), end="a")),
    Example(
        "bvlc",
        _net(
            _FIRST,
            _conv("b", "a", ""),
            (_SHIFT % "0").replace("value: 0", 'type: "gaussian" std: 0.1'),
            _relu("b"),
            end="b",
        ),
    ),
    Example(
        "nvidia-0.17",
        _net(
            _FIRST,
            _conv("b", "a", ""),
            (_SHIFT % "0.1")
            .replace("Scale", "BatchNorm")
            .replace("scale_param { bias_term", "batch_norm_param { scale_bias"),
            _relu("b"),
            end="b",
        ),
    ),
    # The layer above lacks a filler, too.
    Example(
        "bvlc",
        _net(_conv("a", "x", ""), _conv("b", "a", ""), _relu("b"), _conv("c", "b", _MSRA), end="c"),
    ),
    Example(
        "bvlc",
        _net(
            _conv("a", "x", "", _FROZEN), _conv("b", "a", ""), _conv("c", "b", ""), end="c"
        ).replace(*_TRAIN),
    ),
    # Nothing is minimised.
    Example(
        "bvlc",
        _net(_FIRST, _conv("b", "a", ""), _relu("b"), end="b").replace(
            'type: "EuclideanLoss"', 'type: "EuclideanLoss" loss_weight: 0'
        ),
    ),
    # There is only data for testing.
    Example(
        "bvlc",
        _net(_FIRST, _conv("b", "a", ""), _relu("b"), end="b").replace(
            '"HDF5Data"', '"HDF5Data" include { phase: TEST }'
        ),
    ),
    # DIGITS completes the net.
    Example(
        "nvidia-0.17",
        _net(_FIRST, _conv("b", "a", ""), _relu("b"), end="b").replace(
            '"HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" }',
            '"Data" top: "x" top: "t"',
        ),
    ),
    # Perhaps it is only run.
    Example("bvlc", _net(_conv("a", "x", ""), _conv("b", "a", ""), end="b")),
    Example("bvlc", _DATA + _conv("a", "x", "") + _conv("b", "a", "")),
)
INVALID = (
    Invalid("bvlc", _net(_FIRST, _conv("b", "a", ""), _relu("b"), end="b"), (6,)),
    Invalid(
        "nvidia-0.17",
        _net(_FIRST, _conv("b", "a", "weight_filler { value: 0 }"), _relu("b"), end="b"),
        (6,),
    ),
    Invalid("bvlc", _net(_FIRST, _conv("b", "a", ""), _SHIFT % "0", _relu("b"), end="b"), (6,)),
    # 0 times another blob.
    Invalid(
        "bvlc",
        _net(
            _FIRST,
            _conv("b", "a", ""),
            (_SHIFT % "0").replace('bottom: "b"', 'bottom: "b" bottom: "t"'),
            _relu("b"),
            end="b",
        ),
        (6,),
    ),
    Invalid(
        "bvlc",
        _net(_FIRST, _conv("b", "a", ""), _DROPOUT, _relu("b"), end="b"),
        (6,),
    ),
    Invalid(
        "bvlc",
        _net(_FIRST, _conv("b", "a", ""), _relu("b", "relu_param { engine: CAFFE }"), end="b"),
        (6,),
    ),
    Invalid(
        "bvlc",
        _net(
            _FIRST,
            _conv("b", "a", "bias_term: false bias_filler { value: 1 }"),
            'layer { name: "n" type: "BatchNorm" bottom: "b" top: "b" }\n',
            _relu("b"),
            end="b",
        ),
        (6,),
    ),
    Invalid("bvlc", _net(_conv("a", "x", ""), _conv("b", "a", ""), end="b").replace(*_TRAIN), (3,)),
)
