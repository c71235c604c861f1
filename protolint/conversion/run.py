"""A whole conversion: files in, files out, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from protolint.caffe.dialect import Dialect
from protolint.conversion import notes
from protolint.conversion.bundle import Bundle, Opinion
from protolint.conversion.inputs import read_inputs
from protolint.conversion.prove.ways import AUTO, NEVER, TOLERANCE, too_large
from protolint.conversion.report import ConversionReport, with_default_engine
from protolint.conversion.request import SCALE_NAME, Options, options_of
from protolint.conversion.write import Job, Progress, Writing, write_jobs
from protolint.errors import UsageError
from protolint.files import check_target, folder_named, made_folder
from protolint.publish import put_back
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.execution.run import Data

__all__ = ["convert", "convert_files"]


def convert(
    *paths: str | os.PathLike[str],
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
    proto: str | os.PathLike[str] | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> ConversionReport:
    """Convert files of one model to another Caffe; what the command `convert` does.

    Args:
        paths: Prototxts, solvers, caffemodels and solverstates that belong together, any of
            them; the content of a file says what it is.
        to: The Caffe to convert for, by name or as a Dialect.
        engine: "caffe" or "cudnn", BatchNorm's engine in the target, where it has one.
        source: Who wrote the weights, where that is not certain; as `--from`.
        bn_stat: What the second statistic of the weights is: "variance", "inv-std" or
            "second-moment", where that is not certain.
        resume: Give statistics that become sums the factor of a long run, not 1.
        half: Keep values of half precision where the target can read them.
        scale_name: The name of a new Scale layer; "{bn}" is the BatchNorm's.
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
        prove: Whether to run both nets in NumPy and compare them layer by layer: "auto" where
            that is quick (up to 64 MiB of weights and 1e9 multiply-accumulates), "run", "none".
        data: The values of the inputs, as in `protolint.run`; both nets are run on them then.
        like: The prototxt of a net for the target that the weights are to fit: the names of
            its layers, its Scale layers apart or merged, the shapes of its blobs. Prototxts
            among the paths then only say what the weights are.
        tolerance: The largest relative difference from the source that counts as rounding.
        fold: Take BatchNorm and Scale layers into the layers above them; for a deploy net and
            its caffemodel.
        proto: Your own fork's caffe.proto, to be used as the schema of the prototxts.
        cudnn: Whether the Caffe was built with cuDNN.
        isolated: Read no configuration file.

    Returns:
        What was done to each file and to each BatchNorm, and how far the result is from its
        source; with `dry_run`, what would be done.

    Raises:
        ProtolintError: An argument is wrong (UsageError), something cannot be read or has no
            counterpart in the target (InputError), or a result would not compute what its
            source does (ProofError). In every case nothing has been written.
    """
    options = options_of(
        to=to,
        engine=engine,
        source=source,
        bn_stat=bn_stat,
        resume=resume,
        half=half,
        scale_name=scale_name,
        keep_scale=keep_scale,
        scale_as=scale_as,
        drop_global_stats=drop_global_stats,
        drop_fields=drop_fields,
        output=output,
        force=force,
        in_place=in_place,
        dry_run=dry_run,
        verify_with=verify_with,
        prove=prove,
        data=data,
        like=like,
        tolerance=tolerance,
        fold=fold,
    )
    schema = os.fspath(proto) if proto is not None else None
    chosen = Choices(proto=schema, without_cudnn=not cudnn, isolated=isolated)
    return convert_files([os.fspath(path) for path in paths], options, workspace=Workspace(chosen))


def convert_files(
    paths: Sequence[str],
    options: Options,
    progress: Progress | None = None,
    *,
    workspace: Workspace | None = None,
) -> ConversionReport:
    """Convert files as `options` say; see convert. `workspace` reads the prototxts."""
    if not paths:
        raise UsageError("no file is given")
    workspace = workspace or Workspace()
    places = () if options.dry_run else (*paths, options.output)
    undone = put_back(path for path in places if path is not None and path != "-")
    inputs = read_inputs(paths, workspace)
    run = Bundle(inputs, options, workspace)
    made: Iterable[Job]
    if options.fold:
        from protolint.conversion.fold import folded_jobs

        made = folded_jobs(inputs, options, workspace)
    else:
        made = run.jobs()
    # Whatever is said of all of them has to be said before the first is written.
    cases = run.cases(made := list(made)) if options.verify_with else []
    checks: list[str] = []
    if options.dry_run:
        jobs = list(made)
    else:
        for entry, output in zip(run.converted, run.outputs, strict=True):
            if output != "-":
                check_target(
                    entry.path if entry.path != "-" else None,
                    output,
                    in_place=options.in_place,
                    overwrite=options.force,
                )

        def last(jobs: Sequence[Job]) -> None:
            checks.extend(_second_opinions(options, cases))
            checks.extend(_runs(options, run, jobs))

        with made_folder(folder_named(options.output)):
            how = Writing(options.in_place, options.force, progress, options.tolerance)
            jobs = write_jobs(made, how, last)
    jobs[0].notes += tuple(map(notes.undone, undone))
    results = tuple(job.result() for job in jobs)
    report = ConversionReport(options.target.name, results, options.dry_run, tuple(checks))
    return with_default_engine(report) if options.choices.engine is None else report


def _runs(options: Options, run: Bundle, jobs: Sequence[Job]) -> list[str]:
    """Return what running each net before and after shows; see prove_by_running."""
    pairs = run.runnable(jobs) if options.prove != NEVER else []
    if not pairs and options.data is not None:
        raise UsageError("data are for a net and its weights: give both")
    if not pairs:
        return []
    large = too_large(pairs[0][2].path) if options.prove == AUTO else ""
    if large:
        # Nothing is imported for it: a large file is converted in little memory.
        return [large]
    from protolint.conversion.prove.run import Side, prove_by_running

    sides = [
        Side(net, text, job.path, job.temporary, run.foreign_layout(net, job))
        for net, text, job in pairs
    ]
    how = options.target, options.prove, options.data, options.tolerance
    return [prove_by_running(side, *how) for side in sides]


def _second_opinions(options: Options, cases: Sequence[Opinion]) -> list[str]:
    """Return what other programs say of nets and models that are written, but have no name yet."""
    if not cases:
        return []
    from protolint.conversion.prove.opinions import case_of, compare, input_shape

    lines = []
    for net, text, model in cases:
        made = Readings.of(Source(net.source.path, text), net.build).read(options.target)
        before = case_of(net, net.source.data, model.path)
        after = case_of(made.nets[0], text, model.temporary)
        lines += compare(options.verify_with, before, after, input_shape(net))
    return lines
