"""A layer of the net that has no weights in the file.

What it does
    Looks for each layer of the net that has blobs under its name in the file, and names the
    layer there that is meant: by type, shapes and place, which is an error, or by its spelling.
    An error for a BatchNorm, else a warning; an info where training starts from the weights
    (`--fine-tune`), when a new classifier is what one wants. Where no layer at all is found, or
    the weights are folded and the net is not, that is one finding. Needs the net.

Why it matters
    Caffe copies weights by the layer's name and says nothing of layers that get none: they keep
    what their fillers gave them. A BatchNorm without statistics multiplies by 1/sqrt(eps).

Which Caffe
    All. Only `Ignoring source layer` is logged, and only for layers that the net does not have.

What to do
    Give the layer the name that it has in the file.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4: the output is off by a factor of 316.
    BVLC/caffe#7043, NVIDIA/DIGITS#2068, liuzhuang13/DenseNetCaffe#8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.source import Span
from protolint.suggest import nearest
from protolint.words import counted, titled

from ._weights import in_net

if TYPE_CHECKING:
    from protolint.lint.weights import Gap, Wanted, Weights


@weights_rule("WT013", "missing-weights", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    expected = [w for w in weights.wanted.values() if w.parameters]
    kinds = ["missing", "renamed", "folded"]
    if any(gap.kind == "blobs" for gap in weights.gaps):
        kinds.pop()  # WT004 says it.
    gaps = {gap.layer: gap for gap in weights.gaps if gap.kind in kinds}
    missing = [one for one in expected if one.layer.name in gaps]
    whole = Span(0, weights.source.size)
    if len(missing) == len(expected) > 1:
        yield Finding(
            whole,
            f"none of the net's {counted(len(expected), 'layer')} with blobs is in the file; give "
            "the net that the weights belong to",
            severity=Severity.ERROR,
            related=in_net(weights, missing[0].layer.name, "the first of them"),
        )
        return
    places = {layer.name: layer.span for layer in weights.file.layers}
    spare = sorted(layer.name for layer in weights.with_blobs if layer.name not in weights.wanted)
    for wanted in missing:
        name = wanted.layer.name
        near, hint = _near(gaps[name], spare)
        why = f"no weights in the file{hint}"
        yield Finding(
            places.get(near, whole),
            f"{titled(name)}: {gaps[name].message if gaps[name].is_fold else why}",
            layer=name,
            related=in_net(weights, name, "gets no weights"),
            severity=_severity(weights, wanted, gaps[name]),
        )


def _near(gap: Gap, spare: list[str]) -> tuple[str, str]:
    """Which layer of the file may be meant: one of its kind and place, or of a like name."""
    if gap.other:
        words = f"; it is '{gap.other}' there, by its type, its shapes and its place: rename one"
        return gap.other, words
    near = nearest(gap.layer, spare, limit=3)
    if near is None:
        return "", "; it keeps its fillers, so check its name"
    return near[0], f"; '{near[0]}' is similar: rename one"


def _severity(weights: Weights, wanted: Wanted, gap: Gap) -> Severity:
    if wanted.layer.type == "BatchNorm":
        return Severity.ERROR
    if weights.fine_tunes:
        return Severity.INFO
    return Severity.ERROR if gap.other else Severity.WARNING


VALID = (
    WeightsExample(
        "bvlc",
        """\
layer {
  name: "bn1" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
    ),
)
INVALID = (
    InvalidWeights(
        "bvlc",
        """\
layer {
  name: "bn1" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
        ("fc",),
        net="""\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn1" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 1 } }
""",
    ),
)
