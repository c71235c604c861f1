"""The `param` blocks of the layers of one net: how many there are, and who shares a blob.

Source: Net::AppendParam in src/caffe/net.cpp, upgrade_proto.cpp.
"""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.diagnostic import Label
from protolint.layers.by_text import by_text
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Fault, Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.net import Net
from protolint.net.parameters import layer_blobs
from protolint.record import NamedTuple
from protolint.source import Span

__all__ = ["ParamBlocks"]


class _Owner(NamedTuple):
    """A named parameter where it is first used."""

    layer: Layer
    shape: Shape
    multipliers: list[float | None]


class ParamBlocks:
    """The named parameters of a net in one state, as layer after layer uses them."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.owners: dict[str, _Owner] = {}

    def check(self, setup: SetupCheck, *, broken: bool) -> bool:
        """Check the `param` blocks; True where no other layer has a part in it."""
        layer = setup.layer
        blocks = _blocks(layer)
        if not blocks:
            return True
        found = layer_blobs(self.net, layer, setup.bottoms)
        if found is None:
            setup.unsure = True
            return True
        if len(blocks) > len(found) and not (broken and not found):
            count = len(found)
            setup.fault(
                Kind.PARAMS, f"{len(blocks)} param for {count or 'no'} blob{'s' * (count != 1)}; "
                f"remove {len(blocks) - count}", span=_place(layer, count),
            )  # fmt: skip
            return True
        if not any(block.name for block in blocks):
            return True
        for i, (block, (role, blob)) in enumerate(zip(blocks, found, strict=False)):
            if not block.name:
                continue
            shape = UNKNOWN if broken else blob
            multipliers = self._multipliers(layer, role, block)
            owner = self.owners.get(block.name)
            if owner is None:
                self.owners[block.name] = _Owner(layer, shape, multipliers)
            else:
                self._shared(setup, i, shape, multipliers, owner)
        return False

    def _multipliers(self, layer: Layer, role: str, block: _Block) -> list[float | None]:
        if layer.type == "BatchNorm" and self.net.dialect.forces_affine_multipliers:
            value = 1.0 if role in ("gamma", "beta") else 0.0
            return [value, value]
        return [block.rate, block.decay]

    def _shared(
        self, setup: SetupCheck, index: int, shape: Shape, multipliers: list[float | None],
        owner: _Owner,
    ) -> None:  # fmt: skip
        block = _blocks(setup.layer)[index]
        if block.permissive:
            differ = setup.differ(setup.count(shape), setup.count(owner.shape))
            what = "count"
        else:
            differ = setup.unlike(shape, owner.shape)
            what = "shape"
        label = Label(owner.layer.head, f"'{owner.layer.name}' makes it {owner.shape}")
        if differ:
            setup.faults.append(
                Fault(
                    Kind.SHARED, setup.layer, _place(setup.layer, index),
                    f"parameter '{block.name}' is {shape} here and {owner.shape} in "
                    f"'{owner.layer.name}': not the same {what}", (label,),
                )
            )  # fmt: skip
            return
        for j, name in enumerate(("lr_mult", "decay_mult")):
            here, there = multipliers[j], owner.multipliers[j]
            if here is not None and there is None:
                owner.multipliers[j] = here
            elif here is not None and here != there:
                setup.faults.append(
                    Fault(
                        Kind.SHARED, setup.layer, _place(setup.layer, index),
                        f"parameter '{block.name}' has {name} {here:g} here and {there:g} in "
                        f"'{owner.layer.name}'", (label,),
                    )
                )  # fmt: skip
                return


class _Block(NamedTuple):
    """One `param` block, in any generation; a multiplier that is not given is None."""

    name: str = ""
    rate: float | None = None
    decay: float | None = None
    permissive: bool = False


@by_text
def _blocks(layer: Layer) -> tuple[_Block, ...]:
    """Return the `param` blocks, as the upgrade makes them of the old forms (upgrade_proto.cpp)."""
    message = layer.message
    if layer.generation == 2:
        return tuple(map(_block, message.contents("param")))
    source = message if layer.generation == 1 else message.message("layer")
    rates = source.numbers("blobs_lr") if source is not None else []
    decays = source.numbers("weight_decay") if source is not None else []
    names = message.texts("param") if layer.generation == 1 else []
    modes = message.texts("blob_share_mode") if layer.generation == 1 else []
    return tuple(
        _Block(
            names[i] if i < len(names) else "",
            rates[i] if i < len(rates) else None,
            decays[i] if i < len(decays) else None,
            i < len(modes) and modes[i] == "PERMISSIVE",
        )
        for i in range(max(len(rates), len(decays), len(names), len(modes)))
    )


def _block(message: Message) -> _Block:
    return _Block(
        message.text("name") if "name" in message else "",
        message.number("lr_mult") if "lr_mult" in message else None,
        message.number("decay_mult") if "decay_mult" in message else None,
        "share_mode" in message and message.text("share_mode") == "PERMISSIVE",
    )


def _place(layer: Layer, index: int) -> Span:
    """Return where a block is; of the old forms, where the first field of all blocks is."""
    if layer.generation == 2:
        return layer.params[index].span
    source = layer.message if layer.generation == 1 else layer.message.message("layer")
    nodes = (source.node_of(field) for field in ("blobs_lr", "weight_decay", "param") if source)
    return next((node.span for node in nodes if node is not None), layer.head)
