"""What a filler demands of the blob it fills.

Source: include/caffe/filler.hpp and caffe_rng_gaussian, caffe_rng_uniform in
src/caffe/util/math_functions.cpp @ BVLC master, NVIDIA v0.14.5 to v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.caffe.dialect import Dialect
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape
from protolint.record import NamedTuple
from protolint.suggest import nearest

__all__ = ["fill", "meant_filler"]

_FANS = frozenset({"xavier", "msra", "xavierstatic", "msrastatic"})
_UNIFORM = frozenset({"uniform", "uniformstatic"})
_GAUSSIAN = frozenset({"gaussian", "gaussianstatic"})


def fill(setup: SetupCheck, parameter: str, field: str, shape: Shape, blob: str) -> None:
    """Check the filler of one blob; one that is not written is constant."""
    filler = setup.once(_read, parameter, field)
    if filler is None:
        return
    kind, problems = filler
    at = (parameter, field)
    if kind in ("bilinear", "bilinearstatic"):
        _bilinear(setup, shape, blob, at)
    if 0 in shape.dims:
        setup.fault(Kind.EMPTY, f"the {blob} {shape} hold nothing to fill", at=at, bottoms=(0,))
        return
    if kind in _FANS:
        _fans(setup, shape, blob, kind, at)
    for problem in problems:
        setup.fault(Kind.FILLER, problem, at=at)


class _Filler(NamedTuple):
    """A filler as it is written: its type, "" where there is none, and what is wrong besides."""

    kind: str = ""
    problems: tuple[str, ...] = ()


def _read(setup: SetupCheck, parameter: str, field: str) -> _Filler | None:
    """Return the filler of a field; None after a fault."""
    message = setup.message(parameter)
    filler = message.message(field) if message is not None else None
    if filler is None:
        return _Filler()
    kind = filler.text("type") if "type" in filler else "constant"
    fillers = setup.dialect.building.fillers
    if kind in fillers:
        return _Filler(kind, tuple(_problems(filler, kind, setup.dialect)))
    guess = meant_filler(kind, fillers)
    hint = f"; did you mean '{guess}'?" if guess else ""
    setup.fault(
        Kind.FILLER, f"{setup.dialect.name} has no filler '{kind}'{hint}", at=(parameter, field),
        node=filler.node_of("type"),
    )  # fmt: skip
    return None


def meant_filler(kind: str, fillers: frozenset[str]) -> str:
    """Return the filler that a wrong name was meant for, or ""."""
    lower = kind.lower()
    if lower in fillers:
        return lower
    if lower in ("const", "zero", "zeros"):
        return "constant"
    if lower in ("gauss", "normal"):
        return "gaussian"
    if lower in ("he", "kaiming"):
        return "msra"
    if lower in ("glorot",):
        return "xavier"
    found = nearest(lower, sorted(fillers))
    return found[0] if found else ""


def _bilinear(setup: SetupCheck, shape: Shape, blob: str, at: tuple[str, str]) -> None:
    axes = shape.axes
    if axes is None:
        setup.unsure = True
    elif axes != 4:
        setup.fault(
            Kind.FILLER, f"a bilinear filler needs four axes, the {blob} are {shape}", at=at
        )
    elif setup.differ(shape.dims[2], shape.dims[3]):
        setup.fault(
            Kind.FILLER, f"a bilinear filler needs a square kernel, the {blob} are {shape}", at=at
        )


def _fans(setup: SetupCheck, shape: Shape, blob: str, kind: str, at: tuple[str, str]) -> None:
    building = setup.dialect.building
    if shape.axes is None:
        return
    if building.fan_out_needs_two_axes and shape.axes < 2:
        setup.fault(
            Kind.FILLER, f"{kind} needs two axes in {setup.dialect.name}, the {blob} are {shape}",
            at=at,
        )  # fmt: skip
    elif building.fans_by_legacy_axes and not building.fan_out_needs_two_axes and shape.axes > 4:
        setup.fault(
            Kind.FILLER, f"{kind} takes four axes at most here, the {blob} are {shape}", at=at
        )
    elif shape.axes == 0 and not building.fans_by_legacy_axes:
        setup.fault(Kind.FILLER, f"{kind} needs an axis, the {blob} are a {shape}", at=at)


def _problems(filler: Message, kind: str, dialect: Dialect) -> Iterator[str]:
    """Yield what a Caffe has against the numbers of a filler."""
    if kind in _UNIFORM and filler.number("min") > filler.number("max"):
        yield f"min {filler.number('min'):g} is above max {filler.number('max'):g}"
    if kind in _GAUSSIAN:
        mean, deviation = filler.number("mean"), filler.number("std")
        if dialect.checks_gaussian_mean:
            if mean > deviation:
                yield f"gaussian filler with mean {mean:g} above std {deviation:g}"
        elif deviation <= 0:
            yield f"a gaussian filler needs a std above 0, here {deviation:g}"
        if filler.integer("sparse") < -1:
            yield "sparse must be -1 or more"
    elif "sparse" in filler and filler.integer("sparse") != -1:
        yield f"a {kind} filler knows no sparse"
