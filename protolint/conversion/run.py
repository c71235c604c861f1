"""A whole conversion: files in, files out, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from protolint.batchnorm.detect import SOURCES
from protolint.batchnorm.state import Statistic
from protolint.conversion.fields import Translator
from protolint.conversion.hdf5 import read_state
from protolint.conversion.hdf5_models import hdf5_layers, plan_hdf5
from protolint.conversion.inputs import Input, Kind, output_paths, read_inputs
from protolint.conversion.jobs import (
    HDF5ModelJob,
    HDF5StateJob,
    Job,
    ModelJob,
    Progress,
    StateJob,
    TextJob,
    WeightsJob,
    Writing,
)
from protolint.conversion.like import Like, like_net
from protolint.conversion.memory import recall
from protolint.conversion.models import (
    plan_model,
    read_model_file,
    refuse,
    refuse_other_eps,
    with_net,
)
from protolint.conversion.opinions import PROGRAMS, Case, compare, input_shape
from protolint.conversion.plan import plan_nets
from protolint.conversion.prototxt import source_refusals
from protolint.conversion.report import ConversionReport
from protolint.conversion.solverstate import (
    Slot,
    history_map,
    index_state,
    model_layers,
    new_state,
    slots_of,
    target_slots,
)
from protolint.conversion.steps import Action, Choices, Note
from protolint.conversion.texts import check_text, new_net_text, new_paths, new_solver_text
from protolint.conversion.verify import TOLERANCE
from protolint.errors import InputError, UsageError
from protolint.lint.discover import read_source
from protolint.lint.file import FileKind, LintFile, Readings
from protolint.lint.suggest import did_you_mean
from protolint.lint.target import infer_target, told_targets
from protolint.net.net import Net
from protolint.schema.descriptors import load_schema
from protolint.schema.dialects import DIALECTS, TARGETS, Dialect, resolve_target
from protolint.weights.atomic import check_target
from protolint.weights.files import mapped
from protolint.wire import WireError

__all__ = ["Options", "convert", "convert_files"]

_ENGINES = ("caffe", "cudnn")
_ALIKE = frozenset({"nvidia-0.14", "nvidia-0.15"})
_SCALE_AS = ("scale", "convolution")


class Options(NamedTuple):
    """What a user may say about a conversion.

    `source` is who wrote the weights (a name of SOURCES), `statistic` what their second
    statistic is; `choices` is for the plan of the nets. `like` is the prototxt of a net that
    the weights are to fit, `tolerance` the largest relative difference from the source that
    counts as rounding.
    """

    target: Dialect
    source: str | None = None
    statistic: Statistic | None = None
    choices: Choices = Choices()
    resume: bool = False
    half: bool = False
    output: str | None = None
    force: bool = False
    in_place: bool = False
    dry_run: bool = False
    verify_with: tuple[str, ...] = ()
    like: str | None = None
    tolerance: float = TOLERANCE


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
    if "{bn}" not in options.choices.scale_name:
        raise UsageError("a Scale layer's name has to have the BatchNorm's in it: '{bn}_scale'")
    if not 0 <= options.tolerance < 1:
        raise UsageError(
            f"the tolerance is a relative difference, from 0 to below 1, not {options.tolerance:g}"
        )
    run = _Run(read_inputs(paths), options)
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
    return ConversionReport(options.target.name, results, options.dry_run, tuple(checks))


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


class _Opinion(NamedTuple):
    """A deploy net and a model, before and after, for other programs to run.

    `after` is the text of the net in the target.
    """

    net: Net
    after: bytes
    model: ModelJob


def _second_opinions(options: Options, cases: Sequence[_Opinion]) -> list[str]:
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


def _weights(inputs: Sequence[Input]) -> list[Input]:
    """The weights among the inputs; raises UsageError where `like` has nothing to do."""
    found = [entry for entry in inputs if entry.kind in (Kind.MODEL, Kind.MODEL_HDF5)]
    other = next((e for e in inputs if e.kind in (Kind.STATE, Kind.STATE_HDF5)), None)
    if other is not None:
        raise UsageError(
            f"{other.path}: --like fits weights to a net; a solver state follows its own net:"
            " convert it without --like"
        )
    if not found:
        raise UsageError("--like fits weights to a net: give a caffemodel too")
    return found


class _Run:
    """What is known of the inputs, from which the jobs are made."""

    def __init__(self, inputs: Sequence[Input], options: Options) -> None:
        self.inputs = inputs
        self.options = options
        #: The inputs that have a result; with `like`, prototxts only describe the weights.
        self.converted = list(inputs) if options.like is None else _weights(inputs)
        self.outputs = output_paths(
            self.converted, options.target.name, options.output, in_place=options.in_place
        )
        self.models = {
            entry.path: read_model_file(entry.path, options.source, options.statistic)
            for entry in inputs
            if entry.kind is Kind.MODEL
        }
        self.texts = self._texts()
        for file in self.texts.values():
            check_text(file)
        self.nets = [net for file in self.texts.values() for net in file.nets]
        self.choices = self._choices()
        self.like = self._like()
        planned = self.nets if self.like is None else []
        self.plans = plan_nets(planned, options.target, self.choices) if planned else ()
        for net, plan in zip(planned, self.plans, strict=True):
            refuse(net.source.path, plan.refusals)

    def _texts(self) -> dict[str, LintFile]:
        """The prototxts, each bound to the dialect it is written for.

        That is the one the user names, or the one that a comment in it or the configuration
        tells, or the one that its fields show, or, where they show none, that of the files
        beside it: prototxts first, then weights.
        """
        texts = [entry for entry in self.inputs if entry.readings is not None]
        readings = {e.path: e.readings for e in texts if e.readings is not None}
        if self.options.source in TARGETS:
            told = DIALECTS[self.options.source or ""]
            return {path: found.read(told) for path, found in readings.items()}
        named = {e.path: self._told(e) for e in texts}
        if any(named.values()):
            # What is said of one file of a model is true of the others.
            usual = next(dialect for dialect in named.values() if dialect is not None)
            return {path: found.read(named[path] or usual) for path, found in readings.items()}
        shown = {path: self._shown(found) for path, found in readings.items()}
        others = {name for name in shown.values() if name != "bvlc"}
        others = others or {m.dialect.name for m in self.models.values() if m.norms}
        if len(others) == 1:
            shown = {path: next(iter(others)) if n == "bvlc" else n for path, n in shown.items()}
        return {path: found.read(DIALECTS[shown[path]]) for path, found in readings.items()}

    @staticmethod
    def _told(entry: Input) -> Dialect | None:
        """What a comment or the configuration says of a prototxt; raises UsageError for several."""
        if entry.readings is None:
            return None
        told = told_targets(entry.readings, entry.settings)
        if len(told) > 1:
            names = ", ".join(target.dialect.name for target in told)
            raise UsageError(
                f"{entry.path}: is for {names}, {told[0].reason}; say with --from which it is"
                " written for"
            )
        return told[0].dialect if told else None

    def _shown(self, readings: Readings) -> str:
        """The dialect that the fields of a prototxt show.

        The fields of 0.14 and 0.15 are nearly the same, the layouts of their weights are not.
        """
        name = infer_target(readings).dialect.name
        made = {model.dialect.name for model in self.models.values() if model.norms}
        if name in _ALIKE and len(made) == 1 and made <= _ALIKE:
            other = next(iter(made))
            return other if readings.read(DIALECTS[other]).accepted else name
        return name

    def _like(self) -> Like | None:
        """The net that weights are to fit."""
        path, options = self.options.like, self.options
        if path is None:
            return None
        file = Readings.of(read_source(path)).read(options.target)
        if file.kind is not FileKind.NET:
            raise InputError(path, "is not the prototxt of a net, so nothing can be made to fit it")
        advice = f"--like takes a net of {options.target.name}"
        refuse(path, [found._replace(switch=advice) for found in source_refusals(file)])
        return like_net(path, file.nets[0], options.choices.engine)

    def _choices(self) -> Choices:
        """What the user says about the plan, and what the weights tell about the nets."""
        names = {layer.name for model in self.models.values() for layer in model.index.layers}
        known = {layer.name for net in self.nets for layer in net.layers}
        norms = [norm for model in self.models.values() for norm in model.norms.values()]
        identity = {n.name for n in norms if n.layout.affine and n.state.identity_affine}
        changed = {n.name for n in norms if n.layout.affine and not n.state.identity_affine}
        forced = {
            layer.name: Action.SPLIT
            for net in self.nets
            for layer in net.batchnorms
            if layer.name in changed
            and (memory := recall(net.source, layer.node)) is not None
            and memory.plain
        }
        return self.options.choices._replace(
            identity=frozenset(identity),
            taken=frozenset(names - known),
            forced=forced,
            channels={norm.name: norm.state.channels for norm in norms},
        )

    def jobs(self) -> list[Job]:
        """The jobs, in the order of the inputs but models first, then states, then text."""
        made: dict[str, Job] = {}
        order = (
            (Kind.MODEL, self._model),
            (Kind.MODEL_HDF5, self._hdf5_model),
            (Kind.STATE, self._state),
            (Kind.STATE_HDF5, self._hdf5_state),
            (Kind.NET, self._net),
            (Kind.SOLVER, self._solver),
        )
        self.made = made
        for kind, make in order:
            for entry, output in zip(self.converted, self.outputs, strict=True):
                if entry.kind is kind:
                    made[entry.path] = make(entry, output)
        return list(made.values())

    def cases(self, jobs: Sequence[Job]) -> list[_Opinion]:
        """The nets and models for `--verify-with`; raises UsageError where there are none."""
        models = [job for job in jobs if isinstance(job, ModelJob)]
        texts = {job.path: job.data for job in jobs if isinstance(job, TextJob)}
        if self.like is not None:
            texts = dict.fromkeys(self.texts, self.like.net.source.data)
        deploy = [net for net in self.nets if net.is_deploy and net.source.path in texts]
        if len(models) != 1 or not deploy:
            raise UsageError("--verify-with needs a deploy prototxt and one binary caffemodel")
        for net in deploy:
            input_shape(net)
        return [_Opinion(net, texts[net.source.path], models[0]) for net in deploy]

    def _model(self, entry: Input, output: str) -> Job:
        """The job of a binary model."""
        options, model = self.options, self.models[entry.path]
        notes: list[Note] = []
        refuse_other_eps(self.nets, {norm.name for norm in model.norms.values()})
        for net in self.nets:
            model, told = with_net(model, net)
            notes += told
        if self.like is None:
            notes += self._missing({norm.name for norm in model.norms.values()})
        plan = plan_model(
            model,
            options.target,
            options.choices,
            self.plans,
            half=options.half,
            resume=options.resume,
            like=self.like,
            nets=self.nets,
        )
        return ModelJob(plan, output, options.target, notes)

    def _missing(self, found: set[str]) -> list[Note]:
        """The BatchNorm layers of the nets that a model does not have."""
        missing = [s.layer for plan in self.plans for s in plan.steps if s.layer not in found]
        if not missing:
            return []
        names = list(dict.fromkeys(missing))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return [Note("", "", f"not in the file, so not converted: '{names[0]}'{more}")]

    def _hdf5_model(self, entry: Input, output: str) -> Job:
        """The job of an HDF5 model."""
        options = self.options
        plan = plan_hdf5(
            entry.path,
            self.nets,
            self.plans,
            options.target,
            source=options.source,
            statistic=options.statistic,
            resume=options.resume,
            like=self.like,
        )
        notes = list(plan.notes)
        if self.like is None:
            notes += self._missing({change.name for change in plan.layers})
        source = self.nets[0].dialect.name
        return HDF5ModelJob(entry.path, output, source, plan.layers, plan.changed, notes)

    def _slots(self, entry: Input, learned_net: str) -> tuple[WeightsJob, list[Slot], list[Slot]]:
        """The model of a solver state, and its learnable blobs before and after."""
        jobs = [job for job in self.made.values() if isinstance(job, WeightsJob)]
        wanted = os.path.basename(learned_net)
        named = [job for job in jobs if os.path.basename(job.path) == wanted]
        found = named or jobs
        if len(found) != 1:
            raise InputError(
                entry.path,
                f"needs the model that was saved with it: give {wanted or 'the caffemodel'} too",
            )
        job = found[0]
        if isinstance(job, ModelJob):
            with mapped(job.path) as (data, _):
                layers = model_layers(job.plan.model.index.layers, data)
        else:
            layers = hdf5_layers(job.path, self.nets)
        changes = job.changes
        return job, slots_of(layers, changes), target_slots(layers, changes)

    def _state(self, entry: Input, output: str) -> Job:
        """The job of a binary solver state."""
        target = self.options.target
        index = index_state(entry.path)
        job, before, after = self._slots(entry, index.learned_net)
        history = history_map(before, after, job.changes, len(index.history), entry.path)
        learned = self._learned_net(job, index.learned_net)
        source = load_schema(self._schema_of(job))
        try:
            with mapped(entry.path) as (data, _):
                translator = Translator(source, load_schema(target.schema))
                pieces = new_state(data, index, history, learned, target, translator)
        except WireError as error:
            raise InputError(entry.path, f"byte {error.offset}: {error}; it is damaged") from None
        return StateJob(index, output, job.source, pieces, history, learned)

    def _hdf5_state(self, entry: Input, output: str) -> Job:
        """The job of a solver state in HDF5."""
        state = read_state(entry.path)
        job, before, after = self._slots(entry, state.learned_net)
        history = history_map(before, after, job.changes, len(state.shapes), entry.path)
        learned = self._learned_net(job, state.learned_net)
        return HDF5StateJob(entry.path, output, job.source, history, learned)

    def _learned_net(self, job: Job, before: str) -> str:
        """What a state is to call its model: the file as it is named on the command line."""
        return before if self.options.in_place and before else job.output

    def _schema_of(self, job: Job) -> str:
        """The schema of the Caffe that wrote a model."""
        return job.plan.model.dialect.schema if isinstance(job, ModelJob) else job.source

    def _net(self, entry: Input, output: str) -> Job:
        """The job of a net's prototxt."""
        file = self.texts[entry.path]
        plan = self.plans[self.nets.index(file.nets[0])]
        data, notes = new_net_text(file, plan)
        return TextJob(entry.path, output, file.dialect.name, data, notes)

    def _solver(self, entry: Input, output: str) -> Job:
        """The job of a solver's prototxt."""
        file = self.texts[entry.path]
        plans = [p for n, p in zip(self.nets, self.plans, strict=True) if n in file.nets]
        results = {
            other.path: result
            for other, result in zip(self.inputs, self.outputs, strict=True)
            if other.kind is Kind.NET and other.path != "-"
        }
        data, notes = new_solver_text(
            file, self.options.target, self.choices, plans, new_paths(file, results)
        )
        return TextJob(entry.path, output, file.dialect.name, data, notes)
