"""Two BatchNorm layers that share some of their three blobs by name, but not all.

What it does
    Compares the names in the first three `param` blocks of the BatchNorm layers of a net and
    reports a layer that shares one or two of mean, variance and factor with another.

Why it matters
    The mean is the first blob divided by the factor. A shared blob is updated once for each
    layer in every step, one that is not shared once: with the sums shared, mean and variance
    start twice too large and settle after thousands of steps; with the factor alone at half.

Which Caffe
    BVLC and NVIDIA 0.14 with `engine: CAFFE`. Others keep running averages without a factor,
    which may be shared one by one. Source: Forward of batch_norm_layer.cpp @ BVLC 1.0, v0.14.5,
    and Net::AppendParam in net.cpp.

Fix
    Unsafe: gives the other blobs of both layers a common name too.

Evidence
    BVLC/caffe#5171, BVLC/caffe#5120, jolibrain/deepdetect#235, keras-team/keras#8794.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Edit, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.text.write import append_field, quote
from protolint.words import joined

from ._layers import named

_ROLES = ("mean", "variance", "factor")


@net_rule(
    "BN026",
    "shared-stats-incomplete",
    Severity.WARNING,
    where=lambda caffe: caffe.keeps_sums,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    seen: set[int] = set()
    sharing = [
        layer for layer in net.batchnorms if _shares(net, layer) and net.traits(layer).kind.sums
    ]
    for view in net.views if len(sharing) > 1 else ():
        owners: dict[tuple[int, str], Layer] = {}
        for layer in (layer for layer in sharing if layer in view):
            shared: dict[int, list[int]] = {}
            for i, name in enumerate(_names(layer)):
                if name:
                    owner = owners.setdefault((i, name), layer)
                    shared.setdefault(owner.index, []).append(i)
            for index, blobs in shared.items():
                if index == layer.index or len(blobs) == 3 or layer.index in seen:
                    continue
                seen.add(layer.index)
                yield _finding(net, layer, net.layers[index], blobs)


@layer_fact
def _shares(_net: Net, layer: Layer) -> bool:
    return any(_names(layer))


def _names(layer: Layer) -> list[str]:
    """Return the sharing names of mean, variance and factor, "" where there is none."""
    names = [param.name for param in layer.params[:3]]
    return names + [""] * (3 - len(names))


def _finding(net: Net, layer: Layer, other: Layer, blobs: list[int]) -> Finding:
    rest = joined(role for i, role in enumerate(_ROLES) if i not in blobs)
    return Finding(
        layer.params[blobs[0]].span,
        f"{named(layer)}: shares {joined(_ROLES[i] for i in blobs)} with '{other.name}' "
        f"but not {rest}; share all three blobs or none",
        layer=layer.name,
        related=(Label(other.params[blobs[0]].span, "shared with this one"),),
        fix=_fix(net, layer, other),
    )


def _fix(net: Net, layer: Layer, other: Layer) -> Fix | None:
    mine, theirs = _names(layer), _names(other)
    if any(a and a != b for a, b in zip(mine, theirs, strict=True)):
        return None
    names = [name or f"{other.name}_{role}" for name, role in zip(theirs, _ROLES, strict=True)]
    edits = (*_named_blobs(net, other, names), *_named_blobs(net, layer, names))
    return Fix("Share all three blobs", edits, Applicability.UNSAFE)


def _named_blobs(net: Net, layer: Layer, names: list[str]) -> Iterator[Edit]:
    """Yield the edits that give the first three blobs of a layer these names."""
    for param, name in zip(layer.params, names, strict=False):
        if not param.name and param.message.node is not None:
            yield append_field(net.source, param.message.node, [f"name: {quote(name)}"])
    missing = names[len(layer.params) :]
    if missing:
        lines = [f"param {{ name: {quote(name)} lr_mult: 0 decay_mult: 0 }}" for name in missing]
        yield append_field(net.source, layer.node, lines)


def _net(first: str, second: str, rest: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "x" }}
layer {{
  name: "a" type: "BatchNorm" bottom: "x" top: "a" {rest}
{first}}}
layer {{
  name: "b" type: "BatchNorm" bottom: "x" top: "b" {rest}
{second}}}
"""


def _params(*names: str) -> str:
    return "".join(f"  param {{ {name} lr_mult: 0 }}\n" for name in names)


_M, _V, _F = 'name: "m"', 'name: "v"', 'name: "f"'
_ADDED = '  param { name: "a_factor" lr_mult: 0 decay_mult: 0 }\n'
INVALID = (
    Invalid(
        "bvlc",
        _net(_params(_M, _V), _params(_M, _V)),
        (9,),
        fixed=_net(_params(_M, _V) + _ADDED, _params(_M, _V) + _ADDED),
    ),
)
