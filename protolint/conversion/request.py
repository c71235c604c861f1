"""What a user asks of a conversion, checked once for the command line and Python alike."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from protolint.batchnorm.sources import SOURCES
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS, resolve_target
from protolint.conversion.decide.step import PlanOptions
from protolint.conversion.prove.ways import AUTO, RUN, TOLERANCE, WAYS, require_runnable
from protolint.errors import UsageError
from protolint.record import NamedTuple
from protolint.suggest import did_you_mean

if TYPE_CHECKING:
    from protolint.execution.run import Data

__all__ = ["SCALE_NAME", "Options", "options_of"]

#: What a new Scale layer is called, by the BatchNorm's name.
SCALE_NAME = "{bn}_scale"
_ENGINES = ("caffe", "cudnn")
_SCALE_AS = ("scale", "convolution")


class Options(NamedTuple):
    """What a user says about a conversion.

    `source` is who wrote the weights (a name of SOURCES), `statistic` what their second
    statistic is; `choices` is for the plan of the nets. `like` is the prototxt of a net that
    the weights are to fit, `data` what both nets are run on, `tolerance` the largest relative
    difference from the source that counts as rounding. With `fold` BatchNorm and Scale layers go
    into the layers above; with `floats`, which only a deployment asks for, every value becomes a
    plain float. Without `asks_fit` nobody looks at what stands between a net that is folded and
    its weights.
    """

    target: Dialect
    source: str | None = None
    statistic: Statistic | None = None
    choices: PlanOptions = PlanOptions()
    resume: bool = False
    half: bool = False
    output: str | None = None
    force: bool = False
    in_place: bool = False
    dry_run: bool = False
    verify_with: tuple[str, ...] = ()
    prove: str = AUTO
    data: Data = None
    like: str | None = None
    tolerance: float = TOLERANCE
    fold: bool = False
    floats: bool = False
    asks_fit: bool = True


def options_of(
    *,
    to: str | Dialect,
    engine: str | None = None,
    source: str | None = None,
    bn_stat: str | None = None,
    resume: bool = False,
    half: bool = False,
    scale_name: str = SCALE_NAME,
    keep_scale: bool = False,
    scale_as: str = "scale",
    drop_global_stats: bool = False,
    drop_fields: str | Iterable[str] = (),
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    in_place: bool = False,
    dry_run: bool = False,
    verify_with: str | Iterable[str] = (),
    prove: str = AUTO,
    data: Data = None,
    like: str | os.PathLike[str] | None = None,
    tolerance: float = TOLERANCE,
    fold: bool = False,
) -> Options:
    """Return the options of a conversion as `protolint.convert` takes them.

    Raises UsageError for a value that names nothing, is out of range, or asks for a Caffe
    that nothing is converted to.
    """
    target = to if isinstance(to, Dialect) else resolve_target(to)
    if target is None:
        raise _unknown("target", str(to), DIALECTS)
    if not target.can_be_written:
        raise UsageError(
            f"nothing is converted to {target.name}; it reads nets and weights of {DEFAULT.name},"
            f" so convert with --to {DEFAULT.name}"
        )
    if engine is not None and engine.lower() not in _ENGINES:
        raise _unknown("engine", engine, _ENGINES)
    if source is not None and source not in SOURCES:
        raise _unknown("writer", source, SOURCES)
    if scale_as not in _SCALE_AS:
        raise _unknown("layer for scale_as", scale_as, _SCALE_AS)
    statistics = {statistic.value: statistic for statistic in Statistic}
    if bn_stat is not None and bn_stat not in statistics:
        raise _unknown("statistic", bn_stat, statistics)
    programs = (verify_with,) if isinstance(verify_with, str) else tuple(verify_with)
    if programs:
        from protolint.conversion.prove.opinions import PROGRAMS

        for program in programs:
            if program not in PROGRAMS:
                raise _unknown("program to verify with", program, PROGRAMS)
    if prove not in WAYS:
        raise _unknown("way to prove", prove, WAYS)
    require_runnable(data, prove)
    if "{bn}" not in scale_name:
        raise UsageError(f"a Scale layer's name has to have the BatchNorm's in it: '{SCALE_NAME}'")
    if not 0 <= tolerance < 1:
        raise UsageError(
            f"the tolerance is a relative difference, from 0 to below 1, not {tolerance:g}"
        )
    return Options(
        target=target,
        source=source,
        statistic=statistics[bn_stat] if bn_stat is not None else None,
        choices=PlanOptions(
            engine=engine.upper() if engine is not None else None,
            scale_name=scale_name,
            merge=not keep_scale,
            convolves=scale_as == "convolution",
            drop_global_stats=drop_global_stats,
            drop_fields=_names([drop_fields] if isinstance(drop_fields, str) else drop_fields),
        ),
        resume=resume,
        half=half,
        output=os.fspath(output) if output is not None else None,
        force=force,
        in_place=in_place,
        dry_run=dry_run,
        verify_with=programs,
        prove=RUN if data is not None else prove,
        data=data,
        like=os.fspath(like) if like is not None else None,
        tolerance=tolerance,
        fold=fold,
    )


def _names(given: Iterable[str]) -> frozenset[str]:
    """Return the names of fields in lists separated by commas, without what is before a dot."""
    words = (word.strip() for text in given for word in text.split(","))
    return frozenset(word.rpartition(".")[2] for word in words if word)


def _unknown(what: str, given: str, known: Iterable[str]) -> UsageError:
    """Return the error of an argument that names nothing."""
    names = list(known)
    return UsageError(
        f"unknown {what} '{given}'{did_you_mean(given, names)}; known: {', '.join(names)}"
    )
