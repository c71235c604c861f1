"""What layers that put numbers in another order or shape demand, and the plain ones.

Sources: LayerSetUp and Reshape of the layers named (src/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6).
"""

from __future__ import annotations

from collections.abc import Iterable

from protolint.layers.fillers import fill
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape

__all__ = ["DEMANDS"]


def _not_in_place(setup: SetupCheck) -> bool:
    """Check that the top is not the bottom; True where it is and must not be."""
    layer = setup.layer
    if 0 not in setup.in_place or layer.type in setup.dialect.works_in_place:
        return False
    setup.fault(Kind.IN_PLACE, f"{layer.type} does not work in place", span=layer.tops[0].span)
    return True


def absval(setup: SetupCheck) -> None:
    """Not in place."""
    _not_in_place(setup)


def inner_product(setup: SetupCheck) -> None:
    """Demand an axis; weights and a batch that hold something."""
    name = "inner_product_param"
    axis = setup.axis(name, "axis", 1)
    outputs: int | None = setup.integer(name, "num_output", 0)
    bias = setup.flag(name, "bias_term", True)
    if setup.faults:
        return
    if not outputs or outputs < 0:
        given = bool(setup.given(name, "num_output"))
        if given or not setup.template:
            setup.fault(
                Kind.RANGE if given else Kind.MISSING,
                f"num_output {outputs}; it must be above 0" if given else "no num_output",
                at=(name, "num_output"),
            )
            return
        outputs, setup.unsure = None, True
    bottom = setup.bottom()
    inputs = None if axis is None else setup.count(bottom, axis)
    turned = setup.flag(name, "transpose")
    weights = (inputs, outputs) if turned else (outputs, inputs)
    fill(setup, name, "weight_filler", Shape(weights, True), "weights")
    if bias:
        fill(setup, name, "bias_filler", Shape((outputs,), True), "biases")
    if setup.faults:
        return
    if axis is not None and inputs is not None:
        before = setup.count(bottom, 0, axis)
        if before == 0 and bias:
            setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def embed(setup: SetupCheck) -> None:
    """num_output and input_dim."""
    for field in ("num_output", "input_dim"):
        value = setup.integer("embed_param", field, 0)
        if value <= 0:
            given = bool(setup.given("embed_param", field))
            setup.fault(
                Kind.RANGE if given else Kind.MISSING,
                f"{field} {value}; it must be above 0" if given else f"no {field}",
                at=("embed_param", field),
            )
            return
    outputs = setup.integer("embed_param", "num_output", 0)
    inputs = setup.integer("embed_param", "input_dim", 0)
    fill(setup, "embed_param", "weight_filler", Shape((inputs, outputs), True), "weights")
    if setup.flag("embed_param", "bias_term", True):
        fill(setup, "embed_param", "bias_filler", Shape((outputs,), True), "biases")
        if not setup.faults and setup.count(setup.bottom()) == 0:
            setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def flatten(setup: SetupCheck) -> None:
    """Not in place; two axes in order."""
    if _not_in_place(setup):
        return
    start = setup.axis("flatten_param", "axis", 1)
    end = setup.axis("flatten_param", "end_axis", -1)
    if start is not None and end is not None and start > end + 1:
        setup.fault(
            Kind.AXIS, f"axis {start} is behind end_axis {end}", at=("flatten_param", "end_axis")
        )


def reshape(setup: SetupCheck) -> None:
    """Not in place; one -1 at most; axes to copy and as many values as before."""
    if _not_in_place(setup):
        return
    name = "reshape_param"
    message = setup.message(name)
    shape = message.message("shape") if message is not None else None
    dims = shape.integers("dim") if shape is not None else []
    if dims.count(-1) > 1:
        setup.fault(Kind.CONTRADICTION, "more than one -1 in the new shape", at=(name, "shape"))
        return
    axes = setup.axes()
    if axes is None:
        return
    given, count = setup.integer(name, "axis", 0), setup.integer(name, "num_axes", -1)
    start = given if given >= 0 else axes + given + 1
    if not 0 <= start <= axes:
        setup.fault(
            Kind.AXIS, f"axis {given} is out of range: {setup.called()} has {axes} axes",
            at=(name, "axis"), bottoms=(0,),
        )  # fmt: skip
        return
    if count < -1:
        setup.fault(Kind.RANGE, f"num_axes {count}", at=(name, "num_axes"))
        return
    end = axes if count == -1 else start + count
    if end > axes:
        setup.fault(
            Kind.AXIS, f"axis {start} and num_axes {count} are too much for {setup.called()}",
            at=(name, "num_axes"), bottoms=(0,),
        )  # fmt: skip
        return
    bottom = setup.bottom()
    copied = [i for i, dim in enumerate(dims) if dim == 0]
    for i in copied:
        if start + i >= axes:
            setup.fault(
                Kind.AXIS, f"the new shape copies axis {start + i}, {setup.called()} has {axes} "
                f"axes", at=(name, "shape"), bottoms=(0,),
            )  # fmt: skip
            return
    explicit: int | None = 1
    kept = [*bottom.dims[:start], *bottom.dims[end:], *(bottom.size(start + i) for i in copied)]
    for size in [*kept, *(dim for dim in dims if dim not in (0, -1))]:
        explicit = None if size is None or explicit is None else explicit * size
    # Axes that are kept or copied in place cancel out, whether known or not.
    before, after = list(bottom.dims), list(kept)
    numbers = [dim for dim in dims if dim not in (0, -1)]
    unknown_before = [i for i, size in enumerate(before) if size is None]
    unknown_after = [i for i in [*range(start), *range(end, axes), *(start + i for i in copied)]
                     if bottom.size(i) is None]  # fmt: skip
    if sorted(unknown_before) == sorted(unknown_after):
        total: int | None = _product(size for size in before if size is not None)
        explicit = _product([*(size for size in after if size is not None), *numbers])
    else:
        total = setup.count(bottom)
        if any(dim < -1 for dim in dims):
            explicit = None if explicit is None else explicit
    if -1 in dims:
        if total is None or explicit is None:
            setup.unsure = True
        elif explicit == 0:
            setup.fault(Kind.EMPTY, f"-1 divides by the size of {setup.called()}, which is empty",
                        at=(name, "shape"), bottoms=(0,))  # fmt: skip
        elif total % explicit:
            setup.fault(
                Kind.SHAPES, f"the new shape {_written(dims)} does not divide {setup.called()}: "
                f"{total} values by {explicit}", at=(name, "shape"), bottoms=(0,),
            )  # fmt: skip
    elif any(dim < 0 for dim in dims):
        setup.fault(Kind.RANGE, f"a size below -1 in the new shape {_written(dims)}",
                    at=(name, "shape"))  # fmt: skip
    elif setup.differ(total, explicit):
        setup.fault(
            Kind.SHAPES, f"the new shape {_written(dims)} holds {explicit} values, "
            f"{setup.called()} holds {total}", at=(name, "shape"), bottoms=(0,),
        )  # fmt: skip
    if not setup.faults:
        _shares(setup)


def _shares(setup: SetupCheck) -> None:
    """Demand a bottom with memory, which the top shares (ShareData in blob.cpp)."""
    if 0 in setup.bottom().dims:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def _product(sizes: Iterable[int]) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


def _written(dims: list[int]) -> str:
    return "x".join(map(str, dims)) or "scalar"


def _axis_or_dim(setup: SetupCheck, parameter: str, older: str) -> int | None:
    """Return the axis, in its new form or the old one; None after a fault or where unknown."""
    if setup.given(parameter, older) and setup.given(parameter, "axis"):
        setup.fault(Kind.CONTRADICTION, f"axis and {older} exclude each other; keep axis",
                    at=(parameter, older))  # fmt: skip
        return None
    if not setup.given(parameter, older):
        return setup.axis(parameter, "axis", 1)
    axis, axes = setup.integer(parameter, older, 1), setup.bottom().axes
    if axes is not None and axis >= axes:
        setup.fault(Kind.AXIS, f"{older} {axis} is out of range: {setup.called()} has {axes} axes",
                    at=(parameter, older), bottoms=(0,))  # fmt: skip
        return None
    return axis


def concat(setup: SetupCheck) -> None:
    """Bottoms alike but for one axis."""
    axis = _axis_or_dim(setup, "concat_param", "concat_dim")
    if setup.faults:
        return
    first = setup.bottom()
    for i in range(1, len(setup.bottoms)):
        other = setup.bottom(i)
        if first.axes is None or other.axes is None:
            setup.unsure = True
            continue
        if first.axes != other.axes:
            setup.fault(
                Kind.SHAPES, f"Concat of {setup.called(0)} and {setup.called(i)}, which have not "
                "as many axes", bottoms=(0, i),
            )  # fmt: skip
            continue
        for j in range(first.axes):
            if j != axis and setup.differ(first.dims[j], other.dims[j]):
                setup.fault(
                    Kind.SHAPES, f"Concat along axis {axis} of {setup.called(0)} and "
                    f"{setup.called(i)}, which differ in axis {j}", bottoms=(0, i),
                )  # fmt: skip
                break
    if len(setup.bottoms) == 1:
        _shares(setup)
        if setup.building.shares_with_another_only:
            _not_in_place(setup)


def slice_(setup: SetupCheck) -> None:
    """Points in order, one less than tops, or equal parts."""
    name = "slice_param"
    axis = _axis_or_dim(setup, name, "slice_dim")
    if setup.faults:
        return
    points = setup.integers(name, "slice_point")
    size = None if axis is None else setup.bottom().size(axis)
    tops = len(setup.layer.tops)
    if not points:
        if size is None:
            setup.unsure = setup.unsure or tops > 1
        elif size % tops:
            setup.fault(
                Kind.SHAPES, f"{tops} tops do not divide the {size} of axis {axis} of "
                f"{setup.called()}", bottoms=(0,),
            )  # fmt: skip
        if tops == 1:
            _shares(setup)
            if setup.building.shares_with_another_only:
                _not_in_place(setup)
        return
    if len(points) != tops - 1:
        setup.fault(
            Kind.CONTRADICTION, f"{len(points)} slice_point for {tops} tops; it takes {tops - 1}",
            at=(name, "slice_point"),
        )  # fmt: skip
        return
    if setup.exceeds(tops, size):
        setup.fault(Kind.SHAPES, f"{tops} tops for the {size} of axis {axis} of {setup.called()}",
                    bottoms=(0,))  # fmt: skip
        return
    last = 0
    for point in points:
        if point <= last:
            setup.fault(Kind.RANGE, f"slice_point {point} after {last}; they must rise from 1 on",
                        at=(name, "slice_point"))  # fmt: skip
            return
        last = point
    if setup.exceeds(last, size):
        setup.fault(
            Kind.RANGE, f"slice_point {last} is beyond the {size} of axis {axis} of "
            f"{setup.called()}", at=(name, "slice_point"), bottoms=(0,),
        )  # fmt: skip


def eltwise(setup: SetupCheck) -> None:
    """Bottoms alike; a coefficient for each, which a product does not take."""
    name = "eltwise_param"
    coefficients = len(setup.given(name, "coeff"))
    if coefficients not in (0, len(setup.bottoms)):
        setup.fault(
            Kind.CONTRADICTION, f"{coefficients} coeff for {len(setup.bottoms)} bottoms",
            at=(name, "coeff"),
        )  # fmt: skip
        return
    if coefficients and setup.word(name, "operation", "SUM") == "PROD":
        setup.fault(Kind.CONTRADICTION, "operation PROD takes no coeff", at=(name, "coeff"))
        return
    same_as_first(setup, range(1, len(setup.bottoms)), setup.layer.type)


def same_as_first(setup: SetupCheck, others: range, what: str) -> None:
    """Check that bottoms have the shape of the first."""
    for i in others:
        if setup.unlike(setup.bottom(), setup.bottom(i)):
            setup.fault(
                Kind.SHAPES, f"{what} of {setup.called(0)} and {setup.called(i)}", bottoms=(0, i)
            )


def tile(setup: SetupCheck) -> None:
    """Demand an axis and how often."""
    setup.axis("tile_param", "axis", 1)
    if not setup.given("tile_param", "tiles"):
        setup.fault(Kind.MISSING, "no tiles", at=("tile_param", "tiles"))
    elif setup.integer("tile_param", "tiles", 0) <= 0:
        setup.fault(Kind.RANGE, "tiles must be above 0", at=("tile_param", "tiles"))


def reduction(setup: SetupCheck) -> None:
    """Demand an axis; values to add up."""
    axis = setup.axis("reduction_param", "axis", 0)
    if axis is None or setup.faults:
        return
    if setup.count(setup.bottom(), axis) == 0 and setup.word(
        "reduction_param", "operation", "SUM"
    ) in ("SUM", "MEAN"):
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def argmax(setup: SetupCheck) -> None:
    """top_k of at least one and at most the size of the axis."""
    name = "argmax_param"
    best = setup.integer(name, "top_k", 1)
    if best < 1:
        setup.fault(Kind.RANGE, f"top_k {best}; it must be 1 or more", at=(name, "top_k"))
        return
    if setup.given(name, "axis"):
        axis = setup.axis(name, "axis", 0)
        size = None if axis is None else setup.bottom().size(axis)
    elif setup.axes() == 0:
        setup.fault(Kind.AXIS, f"{setup.called()} has no axis", bottoms=(0,))
        return
    else:
        size = setup.count(setup.bottom(), 1)
    if not setup.faults and setup.exceeds(best, size):
        setup.fault(
            Kind.RANGE, f"top_k {best} is above the {size} values of {setup.called()}",
            at=(name, "top_k"), bottoms=(0,),
        )  # fmt: skip


def softmax(setup: SetupCheck) -> None:
    """Demand an axis that holds something."""
    axis = setup.axis("softmax_param", "axis", 1)
    if axis is not None and setup.bottom().size(axis) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def mvn(setup: SetupCheck) -> None:
    """Four axes at most; values to take the mean of."""
    if not setup.four_axes_at_most():
        return
    sizes = [setup.legacy(axis) for axis in (2, 3)]
    if setup.flag("mvn_param", "across_channels"):
        sizes.append(setup.legacy(1))
    if 0 in sizes:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def batch_reindex(setup: SetupCheck) -> None:
    """One axis of indices."""
    axes = setup.axes(1)
    if axes is not None and axes != 1:
        setup.fault(
            Kind.AXIS, f"BatchReindex takes one axis of indices, {setup.called(1)} has {axes}",
            bottoms=(1,),
        )  # fmt: skip


def filter_(setup: SetupCheck) -> None:
    """Demand a top for each bottom but the last, which selects."""
    layer = setup.layer
    if len(layer.tops) != len(layer.bottoms) - 1:
        setup.fault(
            Kind.COUNT, f"Filter gives a top for each bottom but the last, here {len(layer.tops)} "
            f"for {len(layer.bottoms)}",
        )  # fmt: skip
        return
    last = len(layer.bottoms) - 1
    selector = setup.bottom(last)
    if selector.axes is None:
        setup.unsure = True
    for size in selector.dims[1:]:
        if setup.differ(size, 1):
            setup.fault(
                Kind.SHAPES, f"the selector {setup.called(last)} must have one value for each item",
                bottoms=(last,),
            )  # fmt: skip
            return
    for i in range(last):
        if setup.axis_of(0, "axis 0", i) is None and setup.faults:
            return
        if setup.axis_of(0, "axis 0", last) is None and setup.faults:
            return
        if setup.differ(selector.size(0), setup.bottom(i).size(0)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(i)} and the selector {setup.called(last)} have not as "
                "many items", bottoms=(i, last),
            )  # fmt: skip
            return


def permute(setup: SetupCheck) -> None:
    """Axes in range, each once."""
    axes = setup.axes()
    seen: set[int] = set()
    for order in setup.integers("permute_param", "order"):
        if axes is not None and order >= axes:
            setup.fault(
                Kind.AXIS, f"order {order} is out of range: {setup.called()} has {axes} axes",
                at=("permute_param", "order"), bottoms=(0,),
            )  # fmt: skip
            return
        if order in seen:
            setup.fault(Kind.CONTRADICTION, f"order {order} is given twice",
                        at=("permute_param", "order"))  # fmt: skip
            return
        seen.add(order)


def crop(setup: SetupCheck) -> None:
    """Demand that the second bottom fits into the first from an axis on."""
    name = "crop_param"
    axis = setup.axis(name, "axis", 2)
    axes = setup.axes()
    if axis is None or axes is None or setup.faults:
        return
    offsets = setup.integers(name, "offset")
    if len(offsets) > 1 and axis + len(offsets) != axes:
        setup.fault(
            Kind.CONTRADICTION, f"{len(offsets)} offset for the {axes - axis} axes from {axis} on "
            f"of {setup.called()}", at=(name, "offset"),
        )  # fmt: skip
        return
    for i in range(axis, axes):
        if setup.axis_of(i, f"axis {i}", 1) is None:
            if setup.faults:
                return
            continue
        offset = offsets[0] if len(offsets) == 1 else offsets[i - axis] if offsets else 0
        size, other = setup.bottom(0).size(i), setup.bottom(1).size(i)
        if setup.exceeds(other, None if size is None else size - offset):
            setup.fault(
                Kind.WINDOW, f"{setup.called(1)} does not fit into {setup.called(0)} in axis {i}"
                + (f" from {offset} on" if offset else ""), bottoms=(0, 1),
            )  # fmt: skip
            return


def split(setup: SetupCheck) -> None:
    """Not in place."""
    layer = setup.layer
    for i, top in enumerate(layer.tops):
        if top.name == layer.bottoms[0].name and i in setup.in_place:
            setup.fault(Kind.IN_PLACE, "Split does not work in place", span=top.span)
            return


def dropout(setup: SetupCheck) -> None:
    """Demand a ratio between 0 and 1, which only a build with assertions checks."""
    ratio = setup.number("dropout_param", "dropout_ratio", 0.5)
    if not 0.0 < ratio < 1.0:
        setup.unsure = True


def exponent(setup: SetupCheck) -> None:
    """Demand a base above 0, or -1 for e."""
    base = setup.number("exp_param", "base", -1.0)
    if base != -1.0 and base <= 0:
        setup.fault(Kind.RANGE, f"base {base:g}; it must be above 0, or -1 for e",
                    at=("exp_param", "base"))  # fmt: skip


def logarithm(setup: SetupCheck) -> None:
    """Demand a base above 0 that is not 1, or -1 for e."""
    base = setup.number("log_param", "base", -1.0)
    if base != -1.0 and (base <= 0 or base == 1.0):
        setup.fault(Kind.RANGE, f"base {base:g}; it must be above 0 and not 1, or -1 for e",
                    at=("log_param", "base"))  # fmt: skip


def prelu(setup: SetupCheck) -> None:
    """At least two axes, and a filler."""
    axes = setup.axes()
    if axes is not None and axes < 2:
        setup.fault(
            Kind.AXIS, f"PReLU takes two axes at least, {setup.called()} has {axes}", bottoms=(0,)
        )
        return
    if not setup.four_axes_at_most():
        return
    shared = setup.flag("prelu_param", "channel_shared")
    shape = Shape((), True) if shared else Shape((setup.legacy(1),), True)
    fill(setup, "prelu_param", "filler", shape, "slopes")
    if not setup.faults and setup.count(setup.bottom(), 1) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def axpy(setup: SetupCheck) -> None:
    """Demand a factor for each channel, and two blobs alike."""
    for axis in (0, 1):
        if setup.differ(setup.bottom(0).size(axis), setup.bottom(1).size(axis)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} differ in axis {axis}",
                bottoms=(0, 1),
            )  # fmt: skip
            return
    if setup.unlike(setup.bottom(1), setup.bottom(2)):
        setup.fault(Kind.SHAPES, f"{setup.called(1)} and {setup.called(2)} differ", bottoms=(1, 2))
        return
    for axis in (2, 3):
        if setup.axis_of(axis, f"axis {axis}") is None:
            return
        if setup.differ(setup.bottom(0).size(axis), 1):
            setup.fault(Kind.SHAPES, f"the factors {setup.called(0)} must be 1 high and wide",
                        bottoms=(0,))  # fmt: skip
            return


DEMANDS = {
    "AbsVal": absval,
    "ArgMax": argmax,
    "Axpy": axpy,
    "BatchReindex": batch_reindex,
    "Concat": concat,
    "Crop": crop,
    "Dropout": dropout,
    "Eltwise": eltwise,
    "Embed": embed,
    "Exp": exponent,
    "Filter": filter_,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "Log": logarithm,
    "MVN": mvn,
    "PReLU": prelu,
    "Permute": permute,
    "Reduction": reduction,
    "Reshape": reshape,
    "Slice": slice_,
    "Softmax": softmax,
    "Split": split,
    "Tile": tile,
}
