"""More of WT011: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt011_untrained_statistics import _BN

_TRAINED = ("50, 60", "70, 80")

_GAMMA = "  blobs { shape { dim: 2 } data: [1, 1] }\n"


def _five(name: str, factor: str) -> str:
    """Return a layer with gamma and beta of its own."""
    plain: str = _BN.removesuffix("}\n") % (name, *_TRAINED, factor)
    return plain + _GAMMA * 2 + "}\n"


VALID = (
    WeightsExample("bvlc", _BN % ("bn", *_TRAINED, "1")),
    WeightsExample("bvlc", _BN % ("bn", *_TRAINED, "999.98236")),
    WeightsExample("bvlc", "".join(_BN % (name, *_TRAINED, "95.2") for name in "ab")),
    WeightsExample("bvlc", _BN % ("bn", "0, 0", "70, 80", "999.98")),
    WeightsExample(
        "bvlc",
        "".join(
            (_BN % (name, *_TRAINED, factor)) for name, factor in (("a", "999.98"), ("b", "999.5"))
        ),
    ),
    WeightsExample("nvidia-0.17", _BN % ("a", *_TRAINED, "1") + _BN % ("b", *_TRAINED, "0")),
    WeightsExample(
        "bvlc",
        _BN % ("a", *_TRAINED, "999.98")
        + (_BN % ("b", *_TRAINED, "95.2")).replace(
            'top: "y"', 'top: "y" batch_norm_param { moving_average_fraction: 0.99 }'
        ),
    ),
    WeightsExample("bvlc", _BN % ("bn", "50, 60", "0, 0", "999.98")),
    # Nobody knows the order of its blobs: WT010.
    WeightsExample(
        "nvidia-0.17",
        'layer { name: "bn" type: "BatchNorm"\n'
        + "".join(f"  blobs {{ shape {{ dim: 1 }} data: {v} }}\n" for v in (3, 2, 1, 1.5, -0.25))
        + "}\n",
    ),
    WeightsExample("nvidia-0.17", _five("a", "1") + _five("b", "0")),
    WeightsExample("nvidia-0.17", _five("a", "1") + _BN % ("b", *_TRAINED, "999.98")),
    WeightsExample("nvidia-0.16", _BN % ("a", *_TRAINED, "1") + _BN % ("b", *_TRAINED, "0")),
)
INVALID = (
    InvalidWeights("bvlc", _BN % ("bn", *_TRAINED, "4.99001"), ("bn",)),
    InvalidWeights(
        "bvlc",
        "".join(_BN % (name, *_TRAINED, "999.98") for name in "ab")
        + _BN % ("c", *_TRAINED, "95.2"),
        ("c",),
    ),
    InvalidWeights(
        "bvlc",
        "".join(_BN % (name, *_TRAINED, "999.98") for name in "ab") + _BN % ("c", *_TRAINED, "1"),
        ("c",),
    ),
    InvalidWeights(
        "bvlc", _BN % ("a", *_TRAINED, "999.98") + _BN % ("b", *_TRAINED, "95.2"), ("b",)
    ),
)
