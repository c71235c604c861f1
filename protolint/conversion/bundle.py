"""Files that belong together: what is known of them, and the jobs that they make."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from protolint.batchnorm.fit import between, fit
from protolint.batchnorm.layouts import is_open
from protolint.batchnorm.reading import Norm, read_weights
from protolint.caffe.build import Build
from protolint.caffe.descriptors import load_schema
from protolint.conversion import file_refusals, notes
from protolint.conversion.decide.forms import form_of
from protolint.conversion.decide.memory import recall
from protolint.conversion.decide.plan import plan_nets
from protolint.conversion.decide.step import Action, PlanOptions
from protolint.conversion.inputs import (
    Input,
    of_one_source,
    output_paths,
    read_models,
    read_texts,
    stated_statistic,
)
from protolint.conversion.notes import Note
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.hdf5 import read_state
from protolint.conversion.numbers.hdf5_models import hdf5_layers, plan_hdf5
from protolint.conversion.numbers.like import Like, like_net
from protolint.conversion.numbers.model import refuse_other_eps, with_net
from protolint.conversion.numbers.model_plan import plan_model
from protolint.conversion.numbers.solverstate import (
    Slot,
    history_map,
    index_state,
    model_layers,
    new_state,
    slots_of,
    target_slots,
)
from protolint.conversion.refusal import refuse
from protolint.conversion.request import Options
from protolint.conversion.text.net import source_refusals
from protolint.conversion.text.texts import (
    NewText,
    check_text,
    new_net_text,
    new_paths,
    new_solver_text,
)
from protolint.conversion.text.way_back import undone
from protolint.conversion.write import (
    HDF5ModelJob,
    HDF5StateJob,
    Job,
    ModelJob,
    StateJob,
    TextJob,
    WeightsJob,
)
from protolint.errors import InputError, UsageError
from protolint.net.net import Net
from protolint.net.pairing import pairings
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.files import mapped
from protolint.weights.kinds import FileKind
from protolint.wire import WireError
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.workspace import Workspace

__all__ = ["Bundle", "Opinion"]

_Job = TypeVar("_Job", bound=Job)


#: Solver states of both formats.
_STATES = (FileKind.STATE, FileKind.STATE_HDF5)


class Opinion(NamedTuple):
    """A deploy net and a model, before and after, for other programs to run.

    `after` is the text of the net in the target.
    """

    net: Net
    after: bytes
    model: ModelJob


def _weights(inputs: Sequence[Input]) -> list[Input]:
    """Return the weights among the inputs; raises UsageError where `like` has nothing to do."""
    found = [entry for entry in inputs if entry.kind.is_model]
    other = next((e for e in inputs if e.kind in _STATES), None)
    if other is not None:
        raise UsageError(
            f"{other.path}: --like fits weights to a net; a solver state follows its own net:"
            " convert it without --like"
        )
    if not found:
        raise UsageError("--like fits weights to a net: give a caffemodel too")
    return found


def _run_by(build: Build, engine: str | None) -> Build:
    """Return a build in which BatchNorms that name no engine run on this one; None: its own."""
    return build if engine is None else build._replace(cudnn=engine == "CUDNN")


def _had_affine(nets: Iterable[Net]) -> set[str]:
    """Return the BatchNorms that have a gamma, even one of 1, in nets as they were."""
    found: set[str] = set()
    for net in nets:
        pairs = pairings(net)
        found |= {norm.name for norm in net.batchnorms if form_of(norm, net).affine}
        found |= {name for name, pair in pairs.items() if pair.scales}
    return found


class Bundle:
    """What is known of the inputs, from which the jobs are made."""

    def __init__(self, inputs: Sequence[Input], options: Options, workspace: Workspace) -> None:
        self.workspace = workspace
        self.inputs = inputs
        self.options = options
        #: The inputs that have a result; with `like`, prototxts only describe the weights.
        self.converted = list(inputs) if options.like is None else _weights(inputs)
        self.outputs = output_paths(
            self.converted, options.target.name, options.output, in_place=options.in_place
        )
        self.statistic = options.statistic or stated_statistic(inputs)
        models = read_models(inputs, options.source, self.statistic)
        self.texts = read_texts(inputs, options.source, models.values(), workspace)
        #: Of the Caffe of their prototxts, where that writes such weights.
        self.models = models if options.source else of_one_source(models, self.texts.values())
        for file in self.texts.values():
            check_text(file)
        self.nets = [net for file in self.texts.values() for net in file.nets]
        self.choices = self._choices()
        self.like = self._like()
        planned = self.nets if self.like is None else []
        self.plans = plan_nets(planned, options.target, self.choices) if planned else ()
        for net, plan in zip(planned, self.plans, strict=True):
            refuse(net.source.path, plan.refusals)

    def _like(self) -> Like | None:
        """Return the net that weights are to fit."""
        path, options = self.options.like, self.options
        if path is None:
            return None
        file = self.workspace.read(path, options.target)
        if file.kind is not FileKind.NET:
            raise InputError(path, file_refusals.no_net_to_fit())
        advice = f"--like takes a net of {options.target.name}"
        refuse(path, [found._replace(switch=advice) for found in source_refusals(file)])
        return like_net(path, file.nets[0], options.choices.engine)

    def _choices(self) -> PlanOptions:
        """Return the choices of the user for the plan, and what the weights show of the nets."""
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
        former = self._former()
        return self.options.choices._replace(
            identity=frozenset(identity - _had_affine(former)),
            going_back=frozenset(net.source.path for net in former),
            were_one=frozenset(
                norm.name
                for net in former
                for norm in net.batchnorms
                if form_of(norm, net).affine and not pairings(net)[norm.name].scales
            ),
            taken=frozenset(names - known),
            forced=forced,
            channels={norm.name: norm.state.channels for norm in norms},
            goes_on=any(entry.kind in _STATES for entry in self.inputs),
        )

    def _former(self) -> list[Net]:
        """Return the nets for the target that texts were made of and go back to."""
        found: list[Net] = []
        for file in self.texts.values():
            data = undone(file.source, self.options.target)
            if data is not None:
                source, build = Source(file.source.path, data), file.build._replace(schema=None)
                found += Readings.of(source, build).read(self.options.target).nets
        return found

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs, in the order of the inputs but models first, then states, then text.

        A model can be written when it comes, and proven when all have come.
        """
        models: list[WeightsJob] = []
        binary = self._made(FileKind.MODEL, self._model)
        for model in chain(binary, self._made(FileKind.MODEL_HDF5, self._hdf5_model)):
            models.append(model)
            yield model
        states = [
            *self._made(FileKind.STATE, partial(self._state, models)),
            *self._made(FileKind.STATE_HDF5, partial(self._hdf5_state, models)),
        ]
        texts = [*self._made(FileKind.NET, self._net), *self._made(FileKind.SOLVER, self._solver)]
        if states and not self.options.resume:
            for job in models:
                if any(c.step.layout.sums > c.norm.layout.sums for c in job.changes.values()):
                    job.notes = (*job.notes, notes.resume_advised())
        for job in models:
            job.nets = (self.nets, self._nets_after(texts))
            if self.like is None:
                job.notes = (*job.notes, *self._gaps(job.path))
        yield from (*states, *texts)

    def _nets_after(self, texts: Sequence[TextJob]) -> list[Net]:
        """Return the nets that the weights are for in the target."""
        engine = self.options.choices.engine
        if self.like is not None:
            net = self.like.net
            build = _run_by(net.build, engine)
            return [Net(net.message, net.dialect, net.source, build=build)]
        found = []
        for job in texts:
            build = _run_by(self.texts[job.path].build._replace(schema=None), engine)
            source = Source(job.path, job.data)
            found += Readings.of(source, build).read(self.options.target).nets
        return found

    def _made(self, kind: FileKind, make: Callable[[Input, str], _Job]) -> Iterator[_Job]:
        """Yield the jobs of the inputs of one kind."""
        pairs = zip(self.converted, self.outputs, strict=True)
        return (make(entry, output) for entry, output in pairs if entry.kind is kind)

    def cases(self, jobs: Sequence[Job]) -> list[Opinion]:
        """Return the nets and models for `--verify-with`.

        Raises UsageError where there are none.
        """
        models = [job for job in jobs if isinstance(job, ModelJob)]
        texts = {job.path: job.data for job in jobs if isinstance(job, TextJob)}
        if self.like is not None:
            texts = dict.fromkeys(self.texts, self.like.net.source.data)
        deploy = [net for net in self.nets if net.is_deploy and net.source.path in texts]
        if len(models) != 1 or not deploy:
            raise UsageError("--verify-with needs a deploy prototxt and one binary caffemodel")
        from protolint.conversion.prove.opinions import input_shape

        for net in deploy:
            input_shape(net)
        return [Opinion(net, texts[net.source.path], models[0]) for net in deploy]

    def runnable(self, jobs: Sequence[Job]) -> list[tuple[Net, bytes, WeightsJob]]:
        """Return each net with its text in the target and the one model that goes with it."""
        models = [job for job in jobs if isinstance(job, WeightsJob)]
        texts = {job.path: job.data for job in jobs if isinstance(job, TextJob)}
        if len(models) != 1 or self.like is not None:
            return []
        nets = [net for net in self.nets if net.source.path in texts and not net.inline]
        return [(net, texts[net.source.path], models[0]) for net in nets]

    def foreign_layout(self, net: Net, job: WeightsJob) -> str:
        """Return which gamma and beta the net's own Caffe would load as other numbers, or ""."""
        known = {name for group in net.dialect.file_layouts for name in group}
        for name, change in job.changes.items():
            layout = change.norm.layout
            if layout.affine and layout.sums and layout.name not in known:
                return notes.foreign_layout(name, layout.name, net.dialect.name)
        return ""

    def _model(self, entry: Input, output: str) -> WeightsJob:
        """Return the job of a binary model."""
        options, model = self.options, self.models[entry.path]
        notes = self._believed(model.norms.values())
        refuse_other_eps(self.nets, {norm.name for norm in model.norms.values()})
        for net in self.nets:
            model, found = with_net(model, net)
            notes += found
        if self.like is None:
            notes += self._missing({norm.name for norm in model.norms.values()})
        plan = plan_model(
            model,
            options.target,
            self._choices_alone(entry.path),
            self.plans,
            half=options.half,
            floats=options.floats,
            resume=options.resume,
            like=self.like,
            nets=self.nets,
        )
        return ModelJob(plan, output, options.target, notes)

    def _choices_alone(self, path: str) -> PlanOptions:
        """Return what is asked for layers of a model that no prototxt speaks of.

        Without cuDNN they run on the other engine, which may want other blobs.
        """
        choices, target = self.options.choices, self.options.target
        alone = not self.workspace.build(path).cudnn and target.engines_differ_in_layout
        if choices.engine is None and alone:
            return choices._replace(engine=target.default_engine_alone)
        return choices

    def _believed(self, norms: Iterable[Norm]) -> list[Note]:
        """Return the note of a statistic that only the head line of a net states."""
        if self.options.statistic is not None or self.statistic is None:
            return []
        unsure = any(norm.facts.statistic is None and is_open(norm.layout.name) for norm in norms)
        return [notes.stated_statistic(self.statistic.value)] if unsure else []

    def _missing(self, found: set[str]) -> list[Note]:
        """Return the BatchNorm layers of the nets that a model does not have."""
        missing = [s.layer for plan in self.plans for s in plan.steps if s.layer not in found]
        if not missing:
            return []
        return [notes.not_in_file(list(dict.fromkeys(missing)))]

    def _gaps(self, path: str) -> list[Note]:
        """Return what stands between the nets and a model but for where gamma and beta are."""
        if not self.nets or not self.options.asks_fit:
            return []
        weights = read_weights(path, source=self.options.source, statistic=self.statistic)
        found = (between(fit(net, weights), any_caffe=True) for net in self.nets)
        return [notes.pair_gap(reason) for reason in dict.fromkeys(found) if reason]

    def _hdf5_model(self, entry: Input, output: str) -> WeightsJob:
        """Return the job of an HDF5 model."""
        options = self.options
        plan = plan_hdf5(
            entry.path,
            self.nets,
            self.plans,
            options.target,
            source=options.source,
            statistic=self.statistic,
            resume=options.resume,
            like=self.like,
        )
        notes = [*self._believed(change.norm for change in plan.layers), *plan.notes]
        if self.like is None:
            notes += self._missing({change.name for change in plan.layers})
        source = self.nets[0].dialect.name
        return HDF5ModelJob(entry.path, output, source, plan.layers, plan.changed, notes)

    def _slots(
        self, entry: Input, learned_net: str, jobs: Sequence[WeightsJob]
    ) -> tuple[WeightsJob, list[Slot], list[Slot]]:
        """Return the model of a solver state, and its learnable blobs before and after."""
        wanted = os.path.basename(learned_net)
        named = [job for job in jobs if os.path.basename(job.path) == wanted]
        found = named or jobs
        if len(found) != 1:
            raise InputError(entry.path, file_refusals.model_missing(wanted))
        job = found[0]
        if isinstance(job, ModelJob):
            with mapped(job.path) as (data, _):
                layers = model_layers(job.plan.model.index.layers, data)
        else:
            layers = hdf5_layers(job.path, self.nets)
        changes = job.changes
        return job, slots_of(layers, changes), target_slots(layers, changes)

    def _state(self, models: Sequence[WeightsJob], entry: Input, output: str) -> Job:
        """Return the job of a binary solver state."""
        target = self.options.target
        index = index_state(entry.path)
        job, before, after = self._slots(entry, index.learned_net, models)
        history = history_map(before, after, job.changes, len(index.history), entry.path)
        learned = self._learned_net(job, index.learned_net)
        source = load_schema(self._schema_of(job))
        try:
            with mapped(entry.path) as (data, _):
                translator = Translator(source, load_schema(target.schema))
                pieces = new_state(data, index, history, learned, target, translator)
        except WireError as error:
            raise InputError(entry.path, file_refusals.damaged(error)) from None
        return StateJob(index, output, job.source, pieces, history, learned)

    def _hdf5_state(self, models: Sequence[WeightsJob], entry: Input, output: str) -> Job:
        """Return the job of a solver state in HDF5."""
        state = read_state(entry.path)
        job, before, after = self._slots(entry, state.learned_net, models)
        history = history_map(before, after, job.changes, len(state.shapes), entry.path)
        learned = self._learned_net(job, state.learned_net)
        return HDF5StateJob(entry.path, output, job.source, history, learned)

    def _learned_net(self, job: Job, before: str) -> str:
        """Return what a state is to call its model: the file as it is named on the command line."""
        return before if self.options.in_place and before else job.output

    def _schema_of(self, job: Job) -> str:
        """Return the schema of the Caffe that wrote a model."""
        return job.plan.model.dialect.schema if isinstance(job, ModelJob) else job.source

    def _net(self, entry: Input, output: str) -> TextJob:
        """Return the job of a net's prototxt."""
        file = self.texts[entry.path]
        plan = self.plans[self.nets.index(file.nets[0])]
        return self._text(file, output, new_net_text(file, plan, self.choices))

    def _text(self, file: LintFile, output: str, text: NewText) -> TextJob:
        """Return the job of a text that is proven; raises InputError for one that is not sound."""
        path, before = file.source.path, file.source.data
        if not text.is_former:
            from protolint.conversion.prove.text import new_faults

            refuse(path, new_faults(file, text.data, self.options.target))
        return TextJob(path, output, file.dialect.name, text.data, text.notes, before)

    def _solver(self, entry: Input, output: str) -> TextJob:
        """Return the job of a solver's prototxt."""
        file = self.texts[entry.path]
        plans = [p for n, p in zip(self.nets, self.plans, strict=True) if n in file.nets]
        results = {
            other.path: result
            for other, result in zip(self.inputs, self.outputs, strict=True)
            if other.kind is FileKind.NET and other.path != "-"
        }
        text = new_solver_text(
            file, self.options.target, self.choices, plans, new_paths(file, results)
        )
        return self._text(file, output, text)
