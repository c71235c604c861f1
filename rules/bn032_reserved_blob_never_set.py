"""The unused fifth blob of NVIDIA 0.15, which only weight decay ever sets.

What it does
    Reports a BatchNorm with `engine: CAFFE` that is active in training and whose fifth `param`
    block has `decay_mult: 0`; and, where the solver of the net is known, the first such layer
    of a net that is trained without weight decay.

Why it matters
    Nothing in the layer writes that blob. The solver's first step touches it all the same and
    aborts: `Syncedmem not initialized.` Weight decay happens to set it before that.

Which Caffe
    NVIDIA 0.15 with `engine: CAFFE`, training from nothing; weights that are loaded set the
    blob. The CUDNN engine sets it itself. Four blocks, the last two zero, protect the
    statistics and leave the fifth blob to weight decay: right. Source: LayerSetUp of
    batch_norm_layer.cpp and Blob::Update in blob.cpp @ v0.15.14.

Fix
    Safe: takes the fifth block out.

Evidence
    A solver's first step on v0.15.14.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.solver_parameter import SolverParameter

from ._layers import delete_params, named

_BLOB = 4


@net_rule(
    "BN032",
    "reserved-blob-never-set",
    Severity.ERROR,
    where=lambda caffe: any(kind.never_sets_reserved for kind in caffe.kinds),
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    native = [
        layer
        for layer in net.batchnorms
        if net.traits(layer).engine == "CAFFE" and net.is_active(layer, "TRAIN")
    ]
    if not native or net.fine_tunes:
        return
    solver = net.solver
    undecayed = solver is not None and solver.message.number("weight_decay") == 0
    for layer in native:
        block = layer.params[_BLOB] if len(layer.params) > _BLOB else None
        if block is not None and block.decay_mult == 0:
            yield Finding(
                block.span,
                _message(net, layer, "remove the fifth param block"),
                layer=layer.name,
                fix=delete_params(net, [block], "Remove the fifth param block"),
            )
        elif undecayed and solver is not None:
            undecayed = False
            yield _without_decay(net, layer, solver)


def _message(net: Net, layer: Layer, cure: str) -> str:
    return (
        f"{named(layer)}: {net.dialect.name} never sets blob 4 and aborts in the first step "
        f"without weight decay on it; {cure}"
    )


def _without_decay(net: Net, layer: Layer, solver: SolverParameter) -> Finding:
    """Return the finding of the solver form, at the solver's field where it is in the same file."""
    given = solver.message.node_of("weight_decay")
    place = given or solver.message.node_of("net") or solver.message.node_of("train_net")
    apart = solver.source is not net.source
    labels = [Label(place.span, "no weight decay", solver.source)] if place and apart else []
    return Finding(
        layer.head if apart or given is None else given.span,
        _message(net, layer, "set weight_decay in the solver"),
        layer=layer.name,
        related=tuple(labels),
    )


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "a" type: "BatchNorm" bottom: "x" top: "a"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  batch_norm_param { engine: CAFFE }
}
layer {
  name: "b" type: "BatchNorm" bottom: "x" top: "b"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  batch_norm_param { engine: CAFFE }
}
""",
        (8, 17),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "a" type: "BatchNorm" bottom: "x" top: "a"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  batch_norm_param { engine: CAFFE }
}
layer {
  name: "b" type: "BatchNorm" bottom: "x" top: "b"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  batch_norm_param { engine: CAFFE }
}
""",
    ),
)
