"""What layers that begin a net demand, as far as the text decides it.

Sources: LayerSetUp and DataLayerSetUp of the layers named (src/caffe/layers @ BVLC master,
NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd).
"""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.layers.fillers import meant_filler
from protolint.layers.setup_check import Kind, SetupCheck

__all__ = ["DEMANDS"]

_LEGACY = ("num", "channels", "height", "width")


def dummy_data(setup: SetupCheck) -> None:
    """Demand a filler and a shape for all tops or for each."""
    name = "dummy_data_param"
    tops = len(setup.layer.tops)
    message = setup.message(name)
    fillers = message.messages("data_filler") if message is not None else []
    if len(fillers) not in (0, 1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(fillers)} data_filler for {tops} tops; give one, or one for "
            "each", at=(name, "data_filler"),
        )  # fmt: skip
        return
    shapes = message.messages("shape") if message is not None else []
    legacy = {field: setup.integers(name, field) for field in _LEGACY}
    if any(legacy.values()):
        if shapes:
            setup.fault(
                Kind.CONTRADICTION, "shape and num, channels, height, width exclude each other",
                at=(name, "shape"),
            )  # fmt: skip
            return
        for field, values in legacy.items():
            if len(values) not in (1, tops):
                setup.fault(
                    Kind.SHAPE_LIST, f"{len(values)} {field} for {tops} tops; give one, or one "
                    "for each", at=(name, field),
                )  # fmt: skip
                return
    elif len(shapes) not in (1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(shapes)} shape for {tops} tops; give one, or one for each",
            at=(name, "shape"),
        )  # fmt: skip
        return
    for i in range(tops):
        if shapes:
            dims = (shapes[0] if len(shapes) == 1 else shapes[i]).integers("dim")
        else:
            dims = [v[0] if len(v) == 1 else v[i] for v in legacy.values()]
        setup.sized(dims, at=(name, "shape"))
    if setup.faults:
        return
    used = fillers[:1] if len(fillers) <= 1 else fillers
    for filler in used:
        _named(setup, filler)
    if setup.faults:
        return
    for i in range(tops):
        own = (fillers[0] if len(fillers) == 1 else fillers[i]) if fillers else None
        constant = own is None or own.text("type") == "constant"
        if constant and 0 in setup.tops[i].dims:
            setup.fault(Kind.EMPTY, f"top '{setup.layer.tops[i].name}' is empty",
                        at=(name, "shape"))  # fmt: skip
            return


def _named(setup: SetupCheck, filler: Message) -> None:
    kind = filler.text("type") if "type" in filler else "constant"
    if kind not in setup.building.fillers:
        guess = meant_filler(kind, setup.building.fillers)
        hint = f"; did you mean '{guess}'?" if guess else ""
        setup.fault(
            Kind.FILLER,
            f"{setup.dialect.name} has no filler '{kind}'{hint}",
            node=filler.node_of("type"),
        )


def inputs(setup: SetupCheck) -> None:
    """Demand a shape for all tops, for each, or none at all."""
    message = setup.message("input_param")
    shapes = message.messages("shape") if message is not None else []
    tops = len(setup.layer.tops)
    if len(shapes) not in (0, 1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(shapes)} shape for {tops} tops; give one, or one for each",
            at=("input_param", "shape"),
        )  # fmt: skip
        return
    for shape in shapes:
        setup.sized(shape.integers("dim"), at=("input_param", "shape"))


def parameter(setup: SetupCheck) -> None:
    """Demand a shape."""
    message = setup.message("parameter_param")
    shape = message.message("shape") if message is not None else None
    if shape is not None:
        setup.sized(shape.integers("dim"), at=("parameter_param", "shape"))


def memory_data(setup: SetupCheck) -> None:
    """Sizes above 0."""
    for field in ("batch_size", "channels", "height", "width"):
        value = setup.integer("memory_data_param", field, 0)
        if value <= 0:
            kind = Kind.RANGE if setup.given("memory_data_param", field) else Kind.MISSING
            setup.fault(
                kind, f"{field} must be above 0" if value else f"no {field}",
                at=("memory_data_param", field),
            )  # fmt: skip
            return


def _source(setup: SetupCheck, parameter: str) -> None:
    """Leave it open whether a layer is built that says no source: DIGITS writes it later."""
    setup.unsure = setup.unsure or not setup.word(parameter, "source")


def _transform(setup: SetupCheck) -> None:
    """Check what the DataTransformer checks when it is made (src/caffe/data_transformer.cpp)."""
    message = setup.layer.message.message("transform_param")
    if message is not None and "mean_file" in message and message.numbers("mean_value"):
        setup.fault(Kind.CONTRADICTION, "mean_file and mean_value exclude each other",
                    node=message.node_of("mean_file"))  # fmt: skip
        return
    if message is None or not setup.building.checks_resize:
        return
    resize, expand = message.message("resize_param"), message.message("expand_param")
    for side in ("height", "width") if resize is not None else ():
        if resize is not None and resize.integer(side) <= 0:
            setup.fault(Kind.RANGE, f"resize_param without {side} above 0", node=resize.node)
            return
    if expand is not None and expand.number("max_expand_ratio") <= 1:
        setup.fault(Kind.RANGE, f"max_expand_ratio {expand.number('max_expand_ratio'):g}; it must "
                    "be above 1", node=expand.node)  # fmt: skip


def data(setup: SetupCheck) -> None:
    """Demand a source."""
    _source(setup, "data_param")
    _transform(setup)


def python(setup: SetupCheck) -> None:
    """Demand a module and a class; what they demand is outside the text."""
    for field in ("module", "layer"):
        if not setup.word("python_param", field):
            setup.fault(Kind.MISSING, f"no {field}", at=("python_param", field))
            return
    setup.unsure = True


def hdf5_data(setup: SetupCheck) -> None:
    """Demand a source and no transformation."""
    _source(setup, "hdf5_data_param")
    message = setup.layer.message.message("transform_param")
    if message is not None:
        setup.fault(Kind.CONTRADICTION, "HDF5Data does not transform data",
                    at=("transform_param", ""))  # fmt: skip


def image_data(setup: SetupCheck) -> None:
    """Demand a source; height and width together."""
    _source(setup, "image_data_param")
    _transform(setup)
    if setup.faults:
        return
    sizes = [setup.integer("image_data_param", f"new_{side}", 0) for side in ("height", "width")]
    if any(sizes) and not all(sizes):
        setup.fault(Kind.CONTRADICTION, "new_height and new_width go together",
                    at=("image_data_param", "new_height"))  # fmt: skip


def window_data(setup: SetupCheck) -> None:
    """Demand a source."""
    _source(setup, "window_data_param")


def outside(setup: SetupCheck) -> None:
    """Decided outside the text."""
    setup.unsure = True


DEMANDS = {
    "AnnotatedData": data,
    "Data": data,
    "DummyData": dummy_data,
    "HDF5Data": hdf5_data,
    "HDF5Output": outside,
    "ImageData": image_data,
    "Input": inputs,
    "MemoryData": memory_data,
    "Parameter": parameter,
    "Python": python,
    "VideoData": outside,
    "WindowData": window_data,
}
