"""Whether a net and a weight file are one model, and if not, what stands between them.

A net run with weights that no Caffe loads into it computes something, and two such runs may
agree: they prove nothing. What counts as fitting is what the rules WT004 and WT005 say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import prod

from protolint.batchnorm.reading import StoredLayer
from protolint.errors import ProtolintError
from protolint.lint.registry import find_rule
from protolint.lint.weights import StoredWeights, Wanted, Weights
from protolint.net.net import Net
from protolint.words import counted, listed
from protolint.workspace.thresholds import Thresholds

__all__ = ["PairError", "between", "require_fit"]

_RULES = ("WT004", "WT005")
_NAMED = 3


class PairError(ProtolintError):
    """A net and weights that are not one model."""


def require_fit(net: Net, path: str) -> None:
    """Raise PairError, with what stands between them, for weights that no net like this loads."""
    reason = between(net, path)
    if reason is not None:
        raise PairError(f"{path}: does not fit {net.source.path}: {reason}")


def between(net: Net, path: str) -> str | None:
    """Return what stands between a net and a weight file; None where they are one model.

    Raises InputError for a file that is no caffemodel.
    """
    stored = StoredWeights(path, None)
    weights = Weights(stored, stored.read(net), net.dialect, net, Thresholds.of({}))
    findings = [finding for code in _RULES for finding in find_rule(code).check(weights)]
    found = [finding.message for finding in findings]
    missing = list(_without_weights(weights))
    spare = [one for one in weights.with_blobs if one.name not in weights.wanted]
    if not found and not missing:
        return None
    for explained in (
        _folded(weights, missing, spare),
        _renamed(missing, spare),
        _reshaped(weights, {finding.layer for finding in findings}),
    ):
        if explained is not None:
            return explained
    if found:
        more = len(found) - 1
        return found[0] + (f" (and {counted(more, 'more layer')})" if more else "")
    return f"the file has no weights for {_names([one.layer.name for one in missing])}"


def _without_weights(weights: Weights) -> Iterator[Wanted]:
    """Yield the layers of the net with blobs that the file has no layer for."""
    stored = {layer.name for layer in weights.with_blobs}
    for name, wanted in weights.wanted.items():
        shared = all(blob.name for blob in wanted.parameters or ())
        if wanted.parameters and name not in stored and not shared:
            yield wanted


def _folded(
    weights: Weights, missing: Sequence[Wanted], spare: Sequence[StoredLayer]
) -> str | None:
    """Return that one of both has its BatchNorms inside its convolutions and the other has not."""
    types = {layer.name: layer.type for layer in weights.file.layers}
    counts = {layer.name: len(layer.shapes) for layer in weights.file.layers}
    gains = {
        len(wanted.parameters) - counts[name]
        for name, wanted in weights.wanted.items()
        if wanted.parameters and wanted.layer.type not in ("BatchNorm", "Scale") and name in counts
    }
    norms = [one.name for one in spare if types[one.name] in ("BatchNorm", "Scale")]
    if norms and 1 in gains:
        return (
            f"the net is folded and the weights are not: {_names(norms)} of the file are inside"
            " the net's convolutions, which have a bias for them; fold the weights, or take the"
            " net that was trained"
        )
    norms = [one.layer.name for one in missing if one.layer.type in ("BatchNorm", "Scale")]
    if norms and -1 in gains:
        return (
            f"the weights are folded and the net is not: {_names(norms)} of the net are inside"
            " the file's convolutions, which have a bias for them; take the folded net"
        )
    return None


def _renamed(missing: Sequence[Wanted], spare: Sequence[StoredLayer]) -> str | None:
    """Return that layers of the net are called otherwise in the file, by type and shapes."""
    found = []
    for wanted in missing:
        shapes = [blob.shape.dims for blob in wanted.parameters or ()]
        alike = [
            one.name
            for one in spare
            if one.type in ("", wanted.layer.type) and [tuple(s) for s in one.shapes] == shapes
        ]
        if len(alike) != 1:
            return None
        found.append(f"'{wanted.layer.name}' is '{alike[0]}' in the file")
    if not found:
        return None
    return f"{listed(found, _NAMED)}, with the same shapes; give both one name"


def _reshaped(weights: Weights, refused: Collection[str | None]) -> str | None:
    """Return that a refused layer has blobs of as many values on other axes."""
    for layer in weights.file.layers:
        wanted = weights.wanted.get(layer.name) if layer.name in refused else None
        if wanted is None or wanted.parameters is None or wanted.layer.type == "BatchNorm":
            continue
        shapes = [blob.shape for blob in wanted.parameters]
        sizes = [shape.values for shape in shapes]
        if sizes != [prod(dims) for dims in layer.shapes] or None in sizes:
            continue
        here = "x".join(map(str, layer.shapes[0]))
        there = "x".join(map(str, shapes[0].dims))
        kind = f" ({layer.type} there)" if layer.type not in ("", wanted.layer.type) else ""
        return (
            f"'{layer.name}'{kind} is {here} in the file and {there} in the net, as many values in"
            " the same order; reshape it: protolint convert --like"
        )
    return None


def _names(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names], _NAMED)
