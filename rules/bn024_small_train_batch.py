"""A training batch too small for the statistics of one batch.

What it does
    Reports the `batch_size` of a data layer that trains a net with BatchNorm on fewer than 16
    examples at a time: a warning up to 4, advice up to 15. Once per net, for its smallest batch.

Why it matters
    Each step normalises with the mean and variance of its own batch. Those of a few examples
    scatter widely, so that training is noisy and testing, with the averages, does something
    else. One example with a 1x1 map normalises to exactly 0.

Which Caffe
    All. On NVIDIA the number is divided among the GPUs, in BVLC each GPU gets as many. Layers
    that obey `use_global_stats: true` do not use the batch; a net of such layers only is left
    alone, and so is one without a loss whose data is not for TRAIN alone. `iter_size` in the
    solver does not help; where it is known, SV001 says so instead.

Evidence
    BVLC/caffe#4716, BVLC/caffe#3229, sfzhang15/RefineDet#55 and #71, cvjena/cnn-models#5.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import may_train
from protolint.net.net import TRAIN, Net
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.words import counted

from ._affine import collects_statistics
from ._starts import is_trained

_ENOUGH, _TINY = 16, 4


class _Batch(NamedTuple):
    size: int
    layer: Layer
    span: Span


@net_rule("BN024", "small-train-batch", Severity.WARNING, types=("BatchNorm",))
def check(net: Net) -> Iterator[Finding]:
    if not net.batchnorms or not _is_trained(net):
        return
    batches = [
        batch
        for batch in _batches(net)
        if 0 < batch.size < _ENOUGH and net.is_active(batch.layer, TRAIN)
    ]
    number = sum(collects_statistics(net, layer) for layer in net.batchnorms) if batches else 0
    if not number:
        return
    if net.solver is not None and net.solver.message.integer("iter_size") > 1:
        return
    batch = min(batches, key=lambda batch: (batch.size, batch.layer.index))
    yield Finding(
        batch.span,
        f"batch_size {batch.size} is too small for batch statistics "
        f"({counted(number, 'BatchNorm layer')}); raise it, or freeze the statistics",
        layer=batch.layer.name,
        severity=None if batch.size <= _TINY else Severity.INFO,
    )


def _is_trained(net: Net) -> bool:
    """Whether a net may be trained: it has a loss or a layer that may be one, or says so."""
    return any(
        may_train(net, view) or is_trained(net, view)
        for view in net.views
        if view.state.phase == TRAIN
    )


def _batches(net: Net) -> Iterator[_Batch]:
    """Yield the batch size in each parameter message that a layer reads.

    The schema says what holds where none is given: 1 for ImageData, else 0.
    """
    for name, layers in net.by_type.items():
        known = ALL_TYPES.get(name)
        for field in known.parameters if known is not None else ():
            for layer in layers:
                parameter = layer.parameter(field)
                if parameter is None:
                    continue
                if "batch_size" not in parameter.type.fields:
                    break  # Nor has the message of any other layer.
                node = parameter.node_of("batch_size")
                span = node.span if node is not None else layer.anchor(field)
                yield _Batch(parameter.integer("batch_size"), layer, span)


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" include { phase: TRAIN }
  data_param {
    batch_size: 16
  }
}
layer { name: "d" type: "Data" top: "x" include { phase: TEST } data_param { batch_size: 1 } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer { name: "c" type: "BatchNorm" bottom: "x" top: "z"  }
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" include { phase: TRAIN }
  data_param {
    batch_size: 4
  }
}
layer { name: "d" type: "Data" top: "x" include { phase: TEST } data_param { batch_size: 1 } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer { name: "c" type: "BatchNorm" bottom: "x" top: "z"  }
""",
        (3,),
    ),
)
