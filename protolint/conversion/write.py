"""One job for each file of a conversion: what will be written, and writing it.

A job fills a temporary file and proves it. Only when all of them have, the files get their names.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import Array
from protolint.caffe.dialect import Dialect
from protolint.conversion import notes
from protolint.conversion.notes import Note
from protolint.conversion.numbers.encode import LayerChange, after_scale
from protolint.conversion.numbers.hdf5 import read_state, write_model, write_state
from protolint.conversion.numbers.model_plan import ModelPlan
from protolint.conversion.numbers.other_layers import blobs_of
from protolint.conversion.numbers.solverstate import StateIndex, index_state
from protolint.conversion.numbers.weight_step import FROZEN_SCALE
from protolint.conversion.prove.composed import Side, prove_nets
from protolint.conversion.prove.ways import TOLERANCE
from protolint.conversion.prove.weights import (
    Proof,
    ProofError,
    check_moved,
    check_proofs,
    proof_of,
    prove,
)
from protolint.conversion.report import FileResult, LayerRow
from protolint.files import AtomicFile, check_target
from protolint.net.net import Net
from protolint.publish import publish_all
from protolint.record import NamedTuple
from protolint.weights.files import mapped
from protolint.weights.hdf5 import read_model
from protolint.weights.index import ModelIndex, index_model
from protolint.weights.splice import Piece, Splicing, whole_file
from protolint.wire import Buffer

__all__ = [
    "HDF5ModelJob",
    "HDF5StateJob",
    "Job",
    "ModelJob",
    "Progress",
    "StateJob",
    "TextJob",
    "WeightsJob",
    "Writing",
    "write_jobs",
]

Progress = Callable[[str, int, int], None]

HistoryMap = Sequence[tuple[int | None, tuple[int, ...]]]


class Writing(NamedTuple):
    """How results are written.

    `progress` gets a path, the bytes written and the bytes in all; `tolerance` is the largest
    relative difference from the source that counts as rounding.
    """

    in_place: bool = False
    overwrite: bool = False
    progress: Progress | None = None
    tolerance: float = TOLERANCE

    def finish(self, work: Splicing) -> None:
        """Write the rest of a plan."""
        progress, path, size = self.progress, work.path, work.size
        work.finish(None if progress is None else lambda done: progress(path, done, size))


class Job(ABC):
    """One file to write; `notes` are for the user.

    `copies`: the result is the source, byte for byte.
    """

    kind: str
    copies = False

    def __init__(self, path: str, output: str, source: str, notes: Sequence[Note] = ()) -> None:
        self.path = path
        self.output = output
        self.source = source
        self.notes = tuple(notes)
        #: The temporary file with all of the result, while everything else is made.
        self.temporary = ""

    @abstractmethod
    def fill(self, output: AtomicFile) -> Splicing | None:
        """Write the result into an open file; what is still to be finished is returned."""

    @abstractmethod
    def prove(self, path: str, how: Writing) -> None:
        """Read the whole file back; raises ProofError for one that must not be kept."""

    def result(self) -> FileResult:
        """Return what was, or would be, done."""
        return FileResult(
            self.path,
            self.output,
            self.kind,
            self.source,
            notes=self.notes,
            summary=self.summary(),
            copied=self.copies,
        )

    def summary(self) -> str:
        """One line that sums up; "" for nothing to sum up."""
        return ""


class TextJob(Job):
    """A prototxt: its new text, and what it was, if that may be the same."""

    kind = "prototxt"

    def __init__(
        self,
        path: str,
        output: str,
        source: str,
        data: bytes,
        notes: Sequence[Note] = (),
        before: bytes | None = None,
    ) -> None:
        super().__init__(path, output, source, notes)
        self.data = data
        self.copies = data == before

    def fill(self, output: AtomicFile) -> None:
        """Write the text."""
        output.write(self.data)

    def prove(self, path: str, how: Writing) -> None:
        """Do nothing: a text is proven when the job is made, as no byte of it is copied."""

    def show(self) -> None:
        """Write the text to standard output, whose turn comes when all else is done."""
        sys.stdout.flush()
        sys.stdout.buffer.write(self.data)
        sys.stdout.buffer.flush()


class WeightsJob(Job):
    """A caffemodel: what becomes of its BatchNorm layers, and how far they are from the source."""

    def __init__(
        self,
        path: str,
        output: str,
        source: str,
        layers: Sequence[LayerChange],
        notes: Sequence[Note] = (),
    ) -> None:
        super().__init__(path, output, source, notes)
        self.layers = layers
        self.proofs: list[Proof] | None = None
        #: The nets of the model in the source, and in the target; none are known without text.
        self.nets: tuple[Sequence[Net], Sequence[Net]] = ((), ())

    @property
    def changes(self) -> dict[str, LayerChange]:
        """What became of each BatchNorm, by its name in the source."""
        return {change.name: change for change in self.layers}

    def result(self) -> FileResult:
        """With a row for each BatchNorm."""
        return super().result()._replace(layers=_rows(self.layers, self.proofs))

    def summary(self) -> str:
        """How many layers, and the largest differences."""
        count = len(self.layers)
        if not count:
            return "no BatchNorm layer with weights"
        many = "1 BatchNorm layer" if count == 1 else f"{count} BatchNorm layers"
        if self.proofs is None:
            return many
        worst = max(proof.difference for proof in self.proofs)
        if not worst:
            return f"{many}; no difference"
        absolute = max(proof.absolute for proof in self.proofs)
        return f"{many}; largest difference {worst:.1e}, absolute {absolute:.1e}"


class ModelJob(WeightsJob):
    """A binary caffemodel."""

    kind = "caffemodel"

    def __init__(
        self, plan: ModelPlan, output: str, target: Dialect, notes: Sequence[Note] = ()
    ) -> None:
        notes = (*notes, *plan.notes)
        super().__init__(plan.model.path, output, plan.model.source, plan.rewrite.layers, notes)
        self.plan = plan
        self.target = target
        self.copies = plan.pieces == whole_file(plan.model.index, ())

    def fill(self, output: AtomicFile) -> Splicing:
        """Splice."""
        return Splicing(self.path, output, self.plan.pieces, self.plan.model.index.state)

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and measure every BatchNorm."""
        plan = self.plan
        index, layers, touched = plan.model.index, plan.rewrite.layers, plan.touched
        before, after = self.nets
        with mapped(self.path) as (old, _), mapped(path) as (new, state):
            made = index_model(path, new, state)
            self.proofs = prove(new, made, layers, self.target, index, touched, how.tolerance)
            check_moved(old, index, new, made, plan.others)
            if after:
                sides = _side(before, old, index), _side(after, new, made)
                prove_nets(self.layers, *sides, how.tolerance)


class HDF5ModelJob(WeightsJob):
    """A caffemodel in HDF5: the layers that get other blobs, or go (None)."""

    kind = "HDF5 caffemodel"

    def __init__(
        self,
        path: str,
        output: str,
        source: str,
        layers: Sequence[LayerChange],
        changed: Mapping[str, Sequence[Array] | None],
        notes: Sequence[Note] = (),
    ) -> None:
        super().__init__(path, output, source, layers, notes)
        self.changed = changed

    def fill(self, output: AtomicFile) -> None:
        """Write all layers, changed or not."""
        write_model(self.path, output, self.changed)

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and measure every BatchNorm."""
        made = read_model(path)
        self.proofs = self._prove(made)
        check_proofs(self.proofs, how.tolerance)
        before, after = self.nets
        if after:
            given = read_model(self.path)
            prove_nets(self.layers, _known(before, given), _known(after, made), how.tolerance)

    def _prove(self, made: Mapping[str, tuple[Array, ...]]) -> list[Proof]:
        """Return the proof of every BatchNorm; raises ProofError."""
        before = read_model(self.path)
        for name, blobs in before.items():
            now = made.get(name, ())
            same = len(now) == len(blobs) and all(
                np.array_equal(a, b, equal_nan=True) for a, b in zip(blobs, now, strict=True)
            )
            if name not in self.changed and not same:
                raise ProofError(f"layer '{name}' is not what it was")
        proofs = []
        for change in self.layers:
            blobs = made.get(change.new_name, ())
            scale = made.get(change.new_scale, ()) if change.made.measured_with_scale else ()
            if change.step.layout is FROZEN_SCALE:
                one = np.ones(change.norm.state.channels)
                found = after_scale(Folded(one, 0 * one, 0 * one), blobs)
            else:
                found = fold(change.step.layout.decode(blobs, change.made.eps))
            proofs.append(proof_of(change.name, change.made.folded, after_scale(found, scale)))
        return proofs


class _HistoryJob(Job):
    """A solver state: where each blob of its history comes from, and the model it names."""

    def __init__(
        self, path: str, output: str, source: str, history: HistoryMap, learned_net: str
    ) -> None:
        super().__init__(path, output, source)
        self.history = history
        self.learned_net = learned_net

    def check(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Raise ProofError where the history that was written has not the shapes planned."""
        if list(shapes) != [shape for _, shape in self.history]:
            raise ProofError("the history is not what was planned")

    def summary(self) -> str:
        """Where the history and the model are."""
        zeros = sum(1 for at, _ in self.history if at is None)
        more = f", {zeros} of them zeros" if zeros else ""
        return f"{len(self.history)} history blobs{more}; learned_net is {self.learned_net}"


class StateJob(_HistoryJob):
    """A binary solver state."""

    kind = "solverstate"

    def __init__(
        self,
        index: StateIndex,
        output: str,
        source: str,
        pieces: Sequence[Piece],
        history: HistoryMap,
        learned_net: str,
    ) -> None:
        super().__init__(index.path, output, source, history, learned_net)
        self.index = index
        self.pieces = pieces

    def fill(self, output: AtomicFile) -> Splicing:
        """Splice."""
        return Splicing(self.path, output, self.pieces, self.index.state)

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and compare shapes."""
        self.check([blob.shape for blob in index_state(path).history])


class HDF5StateJob(_HistoryJob):
    """A solver state in HDF5."""

    kind = "HDF5 solverstate"

    def fill(self, output: AtomicFile) -> None:
        """Write all of it."""
        write_state(self.path, output, self.learned_net, self.history)

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and compare shapes."""
        self.check(read_state(path).shapes)


def _side(nets: Sequence[Net], data: Buffer, index: ModelIndex) -> Side:
    """Return nets with the weights of a binary file."""
    entries = {entry.name: entry for entry in index.layers if entry.blobs}

    def blobs(name: str) -> Sequence[Array]:
        entry = entries.get(name)
        return () if entry is None else blobs_of(index.path, data, entry)

    return Side(nets, blobs, frozenset(entries))


def _known(nets: Sequence[Net], blobs: Mapping[str, tuple[Array, ...]]) -> Side:
    """Return nets with the weights of an HDF5 file."""
    names = frozenset(name for name, given in blobs.items() if given)
    return Side(nets, lambda name: blobs.get(name, ()), names, binary=False)


def write_jobs(
    jobs: Iterable[Job], how: Writing, last: Callable[[Sequence[Job]], None]
) -> list[Job]:
    """Write and prove every file, do the last thing, and only then give them their names.

    Jobs may be made one by one: what is large is written while the next are made. What is for
    standard output comes after all that. Whatever fails, no result is there. Returns the jobs.
    """
    done: list[Job] = []
    with ExitStack() as stack:
        begun: list[tuple[Job, AtomicFile, Splicing | None]] = []
        for job in jobs:
            done.append(job)
            if job.output == "-":
                continue
            source = job.path if job.path != "-" else None
            check_target(source, job.output, in_place=how.in_place, overwrite=how.overwrite)
            output = stack.enter_context(AtomicFile(job.output, source))
            job.temporary = output.path
            work = job.fill(output)
            begun.append((job, output, work and stack.enter_context(work)))
        for job, output, work in begun:
            if work is not None:
                how.finish(work)
            job.prove(output.path, how)
        last(done)
        # Only now, as the disk goes on writing while files are proven.
        for job, output, _ in begun:
            output.finish()
            job.notes += tuple(notes.not_kept(what) for what in output.losses)
        publish_all([output for _, output, _ in begun], replace=how.in_place or how.overwrite)
    for job in done:
        if job.output == "-" and isinstance(job, TextJob):
            job.show()
    return done


def _rows(changes: Sequence[LayerChange], proofs: Sequence[Proof] | None) -> tuple[LayerRow, ...]:
    """Return the rows of the report; without proofs no difference is known."""
    found: Sequence[Proof | None] = proofs if proofs is not None else [None] * len(changes)
    return tuple(
        LayerRow(
            change.name,
            change.norm.layout.name,
            change.step.layout.name,
            change.step.outcome,
            change.step.scale,
            change.norm.state.channels,
            change.norm.state.factor,
            change.made.factor,
            change.norm.state.eps,
            change.made.eps,
            proof.difference if proof is not None else None,
            change.norm.evidence,
            proof.absolute if proof is not None else None,
            change.step.name,
            change.step.scale_name,
        )
        for change, proof in zip(changes, found, strict=True)
    )
