"""A net in one state as boxes and arrows, the layers of a chain in one box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from protolint.diagnostic import Diagnostic, Severity
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.layers.window import CONVOLUTION, POOLING, Window, sides, windows
from protolint.net.net import Net
from protolint.net.pairing import scales_in
from protolint.net.shapes import shapes_with
from protolint.net.view import BlobVersion, View

__all__ = ["Arrow", "Box", "Diagram", "diagram"]

#: An arrow over more layers than these, from data to a loss say, is named at its end instead.
_FAR = 12


@dataclass(frozen=True)
class Box:
    """A chain of layers, or an input of the net.

    `title` is the name of the first layer, `lines` what each does; `far` are blobs that come
    from far away; `findings` are those about its layers.
    """

    title: str
    lines: tuple[str, ...]
    layers: tuple[Layer, ...] = ()
    far: tuple[str, ...] = ()
    findings: tuple[Diagnostic, ...] = ()

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What is written below the title: its kind (`""`, `quiet` or `mark`) and each line."""
        codes = " ".join(dict.fromkeys(finding.code for finding in self.findings))
        return [
            *(("", line) for line in self.lines),
            *(("quiet", f"from {blob}") for blob in self.far),
            *([("mark", codes)] if codes else []),
        ]

    @property
    def severity(self) -> Severity | None:
        """The worst of the findings; None for none."""
        order = list(Severity)
        return min((f.severity for f in self.findings), key=order.index, default=None)


@dataclass(frozen=True)
class Arrow:
    """A blob that one box makes and another reads, by their places among the boxes."""

    start: int
    end: int
    blob: str
    shape: Shape


@dataclass(frozen=True)
class Diagram:
    """The boxes in net order, so that every arrow goes on to a later one; `title` is the net's."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass
class _Chain:
    title: str
    lines: list[str]
    layers: list[Layer] = field(default_factory=list)
    far: list[str] = field(default_factory=list)
    depth: int = 0


def diagram(
    net: Net, view: View, given: Mapping[str, Shape], findings: Iterable[Diagnostic] = ()
) -> Diagram:
    """Return the diagram of a view.

    Args:
        net: The net.
        view: One of its states.
        given: The shapes that the net does not say, by blob.
        findings: What a check found; each is shown at the box of its layer.
    """
    shapes = shapes_with(net, view, given)
    scales = {scale.index for scale in scales_in(net, view).values()}
    chains: list[_Chain] = []
    made: dict[BlobVersion, int] = {}
    arrows: list[Arrow] = []
    for version in view.inputs:
        made[version] = len(chains)
        chains.append(_Chain(version.name, ["input"]))
    for layer in view.layers:
        reads = [version for version in view.bottoms[layer.index] if version is not None]
        chain = _continued(layer, reads, made, chains, scales)
        if chain is None:
            chain = len(chains)
            chains.append(_Chain(layer.name or layer.type, []))
            sources = {version: made[version] for version in reads if version in made}
            depth = max((chains[start].depth for start in sources.values()), default=-1) + 1
            chains[chain].depth = depth
            for version, start in sources.items():
                if _is_data(chains[start]) and depth - chains[start].depth > _FAR:
                    chains[chain].far.append(version.name)
                else:
                    arrows.append(Arrow(start, chain, version.name, shapes[version]))
        chains[chain].layers.append(layer)
        bottom = shapes[reads[0]] if reads else UNKNOWN
        chains[chain].lines.append(_line(layer, bottom))
        made.update((version, chain) for version in view.tops[layer.index])
    about: dict[str, list[Diagnostic]] = {}
    for finding in findings:
        about.setdefault(finding.layer or "", []).append(finding)
    boxes = [
        Box(
            chain.title,
            tuple(_paired(chain, scales)),
            tuple(chain.layers),
            tuple(chain.far),
            tuple(f for layer in chain.layers for f in about.get(layer.name, ())),
        )
        for chain in chains
    ]
    title = ": ".join(filter(None, [str(view.state), net.message.text("name")]))
    return Diagram(title, tuple(boxes), tuple(arrows))


def _continued(
    layer: Layer,
    reads: list[BlobVersion],
    made: Mapping[BlobVersion, int],
    chains: list[_Chain],
    scales: set[int],
) -> int | None:
    """Return the chain that a layer goes on: it alone reads its blob, and keeps its shape."""
    if len(layer.bottoms) != 1 or len(layer.tops) != 1 or len(reads) != 1:
        return None
    (version,) = reads
    chain = made.get(version)
    known = ALL_TYPES.get(layer.type)
    keeps = layer.index in scales or (known is not None and known.keeps_shape and not known.is_loss)
    if chain is None or not keeps or version.readers != [layer] or not chains[chain].layers:
        return None
    last = chains[chain].layers[-1]
    return chain if version.producer is last and not _is_data(chains[chain]) else None


def _is_data(chain: _Chain) -> bool:
    return not chain.layers or not chain.layers[0].bottoms


def _paired(chain: _Chain, scales: set[int]) -> Iterable[str]:
    """Return the lines, a BatchNorm and its Scale as one."""
    lines: list[str] = []
    if not chain.layers:
        return chain.lines
    for layer, line in zip(chain.layers, chain.lines, strict=True):
        if layer.index in scales and lines and lines[-1].startswith("BatchNorm"):
            lines[-1] += " + Scale"
        else:
            lines.append(line)
    return lines


def _line(layer: Layer, bottom: Shape) -> str:
    """Return what a layer does with a bottom of this shape, in a few words."""
    words = [layer.type or "?"]
    if layer.parameter(CONVOLUTION) is not None or layer.type == "Pooling":
        words += _window(layer, bottom)
    for name in ("convolution_param", "inner_product_param"):
        param = layer.parameter(name)
        if param is not None and "num_output" in param:
            words.append(f"to {param.integer('num_output')}")
    group = layer.parameter(CONVOLUTION)
    if group is not None and group.integer("group") > 1:
        words.append(f"in {group.integer('group')} groups")
    eltwise = layer.parameter("eltwise_param")
    if eltwise is not None and "operation" in eltwise:
        words.append(eltwise.text("operation"))
    return " ".join(words)


def _window(layer: Layer, bottom: Shape) -> Iterable[str]:
    found: Sequence[Window]
    if layer.type == "Pooling":
        pooling = layer.parameter(POOLING)
        yield pooling.text("pool") if pooling is not None else "MAX"
        if pooling is not None and pooling.flag("global_pooling"):
            yield "global"
            return
        found = sides(layer)
    else:
        found = windows(layer, 1, bottom) or ()
    if len(found) == 2:
        down, across = found
        if down.kernel is not None:
            yield f"{down.kernel}\N{MULTIPLICATION SIGN}{across.kernel}"
        if (down.stride, across.stride) != (1, 1):
            yield f"/{down.stride}"
