"""A whole conversion: files in, files out, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from protolint.batchnorm.sources import SOURCES
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS, resolve_target
from protolint.conversion.bundle import Opinion, Options, Together
from protolint.conversion.decide.step import Choices
from protolint.conversion.inputs import read_inputs
from protolint.conversion.prove.opinions import PROGRAMS, Case, compare, input_shape
from protolint.conversion.prove.weights import TOLERANCE
from protolint.conversion.report import ConversionReport, with_default_engine
from protolint.conversion.write import Job, Progress, Writing
from protolint.errors import UsageError
from protolint.files import check_target
from protolint.suggest import did_you_mean

__all__ = ["Options", "convert", "convert_files"]

_ENGINES = ("caffe", "cudnn")
_SCALE_AS = ("scale", "convolution")


def convert(
    *paths: str | os.PathLike[str],
    to: str | Dialect,
    engine: str | None = None,
    source: str | None = None,
    bn_stat: str | None = None,
    resume: bool = False,
    half: bool = False,
    scale_name: str = "{bn}_scale",
    keep_scale: bool = False,
    scale_as: str = "scale",
    drop_global_stats: bool = False,
    drop_fields: str | Iterable[str] = (),
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    in_place: bool = False,
    dry_run: bool = False,
    verify_with: str | Iterable[str] = (),
    like: str | os.PathLike[str] | None = None,
    tolerance: float = TOLERANCE,
) -> ConversionReport:
    """Convert files of one model to another Caffe; what the command `convert` does.

    Args:
        paths: Prototxts, solvers, caffemodels and solverstates that belong together, any of
            them; what a file is, is told by its content.
        to: The Caffe to convert for, by name or as a Dialect.
        engine: "caffe" or "cudnn", BatchNorm's engine in the target, where it has one.
        source: Who wrote the weights, where that is not certain; as `--from`.
        bn_stat: What the second statistic of the weights is: "variance", "inv-std" or
            "second-moment", where that is not certain.
        resume: Give statistics that become sums the factor of a long run, not 1.
        half: Keep values of half precision where the target can read them.
        scale_name: The name of a new Scale layer; "{bn}" stands for the BatchNorm's.
        keep_scale: Merge no Scale layer into a BatchNorm.
        scale_as: "convolution" puts a convolution with a group for each channel where the
            target has no Scale layer (NVIDIA 0.14).
        drop_global_stats: Leave out use_global_stats where the target ignores it.
        drop_fields: Leave these fields out where the target lacks them.
        output: A file, a folder that is there, or the name of a new one with a slash behind
            it (a Path has none); if not given, each result lies beside its source as
            NAME.<dialect>.<ext>.
        force: Replace files that are there already.
        in_place: Replace the inputs themselves.
        dry_run: Only plan; nothing is written, and no difference is known.
        verify_with: Also run both nets on random input with "opencv" or "caffe".
        like: The prototxt of a net for the target that the weights are to fit: the names of
            its layers, its Scale layers apart or merged, the shapes of its blobs. Prototxts
            among the paths then only say what the weights are.
        tolerance: The largest relative difference from the source that counts as rounding.

    Returns:
        What was done to each file and to each BatchNorm, and how far the result is from its
        source; with `dry_run`, what would be done.

    Raises:
        ProtolintError: An argument is wrong (UsageError), something cannot be read or has no
            counterpart in the target (InputError), or a result would not compute what its
            source does (ProofError). In every case nothing has been written.
    """
    target = to if isinstance(to, Dialect) else resolve_target(to)
    if target is None:
        raise _unknown("target", str(to), DIALECTS)
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
    for program in programs:
        if program not in PROGRAMS:
            raise _unknown("program to verify with", program, PROGRAMS)
    choices = Choices(
        engine=engine.upper() if engine is not None else None,
        scale_name=scale_name,
        merge=not keep_scale,
        convolves=scale_as == "convolution",
        drop_global_stats=drop_global_stats,
        drop_fields=_names([drop_fields] if isinstance(drop_fields, str) else drop_fields),
    )
    options = Options(
        target,
        source,
        statistics[bn_stat] if bn_stat is not None else None,
        choices,
        resume,
        half,
        os.fspath(output) if output is not None else None,
        force,
        in_place,
        dry_run,
        programs,
        os.fspath(like) if like is not None else None,
        tolerance,
    )
    return convert_files([os.fspath(path) for path in paths], options)


def convert_files(
    paths: Sequence[str], options: Options, progress: Progress | None = None
) -> ConversionReport:
    """Convert files as `options` say; see convert."""
    if not paths:
        raise UsageError("no file is given")
    target = options.target
    if not target.can_be_written:
        raise UsageError(
            f"nothing is converted to {target.name}; it reads nets and weights of {DEFAULT.name},"
            f" so convert with --to {DEFAULT.name}"
        )
    if "{bn}" not in options.choices.scale_name:
        raise UsageError("a Scale layer's name has to have the BatchNorm's in it: '{bn}_scale'")
    if not 0 <= options.tolerance < 1:
        raise UsageError(
            f"the tolerance is a relative difference, from 0 to below 1, not {options.tolerance:g}"
        )
    run = Together(read_inputs(paths), options)
    jobs = run.jobs()
    checks: list[str] = []
    cases = run.cases(jobs) if options.verify_with else []
    if not options.dry_run:
        for job in jobs:
            if job.output != "-":
                check_target(
                    job.path if job.path != "-" else None,
                    job.output,
                    in_place=options.in_place,
                    overwrite=options.force,
                )

        def last() -> None:
            checks.extend(_second_opinions(options, cases))

        with _folder(options.output):
            how = Writing(options.in_place, options.force, progress, options.tolerance)
            _write(jobs, how, last)
    results = tuple(job.result() for job in jobs)
    report = ConversionReport(options.target.name, results, options.dry_run, tuple(checks))
    return with_default_engine(report) if options.choices.engine is None else report


def _names(given: Iterable[str]) -> frozenset[str]:
    """The names of fields in lists separated by commas, without what stands above a field."""
    words = (word.strip() for text in given for word in text.split(","))
    return frozenset(word.rpartition(".")[2] for word in words if word)


def _unknown(what: str, given: str, known: Iterable[str]) -> UsageError:
    """The error of an argument that names nothing."""
    names = list(known)
    return UsageError(
        f"unknown {what} '{given}'{did_you_mean(given, names)}; known: {', '.join(names)}"
    )


def _second_opinions(options: Options, cases: Sequence[Opinion]) -> list[str]:
    """What other programs say of nets and models that are written, but have no name yet."""
    lines = []
    for net, text, model in cases:
        before = Case(net.dialect.name, net.source.data, model.path)
        after = Case(options.target.name, text, model.temporary)
        lines += compare(options.verify_with, before, after, input_shape(net))
    return lines


def _write(jobs: Sequence[Job], how: Writing, last: Callable[[], None]) -> None:
    """Write and prove every file, do the last thing, and only then give them their names."""
    if not jobs:
        last()
        return
    job, *rest = jobs
    job.write(how, lambda: _write(rest, how, last))


@contextmanager
def _folder(output: str | None) -> Iterator[None]:
    """Make the folder that results go to, and take it away again if nothing came of it."""
    made = ""
    if output is not None and output.endswith(("/", os.sep)) and not os.path.isdir(output):
        made = output.rstrip("/" + os.sep)
        try:
            os.mkdir(made)
        except OSError as error:
            raise UsageError(f"{output}: cannot be made: {error.strerror or error}") from None
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                os.rmdir(made)
        raise
