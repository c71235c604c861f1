"""One job for each file of a conversion: what will be written, and writing it."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from protolint.batchnorm.reference import Folded, fold, largest_difference
from protolint.batchnorm.state import Array
from protolint.conversion.hdf5 import read_state, write_model, write_state
from protolint.conversion.models import ModelPlan, rows_of, write_model_file
from protolint.conversion.numbers import FROZEN_SCALE, LayerChange, after_scale
from protolint.conversion.report import FileResult
from protolint.conversion.solverstate import StateIndex, index_state
from protolint.conversion.steps import Note
from protolint.conversion.verify import Proof, ProofError, check_proofs
from protolint.schema.dialects import Dialect
from protolint.weights.atomic import AtomicFile, check_target
from protolint.weights.hdf5 import read_model
from protolint.weights.splice import Piece, size_of, write_spliced

__all__ = ["HDF5ModelJob", "HDF5StateJob", "Job", "ModelJob", "StateJob", "TextJob"]

Progress = Callable[[str, int, int], None]

HistoryMap = Sequence[tuple[int | None, tuple[int, ...]]]


class Job(ABC):
    """One file on its way; `notes` are for the user."""

    kind: str

    def __init__(self, path: str, output: str, source: str, notes: Sequence[Note] = ()) -> None:
        self.path = path
        self.output = output
        self.source = source
        self.notes = tuple(notes)
        #: The finished temporary file, while everything else is made.
        self.temporary = ""

    @abstractmethod
    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Write and prove the result, call `then`, and give the result its name."""

    def result(self) -> FileResult:
        """What was, or would be, done."""
        return FileResult(
            self.path, self.output, self.kind, self.source, notes=self.notes, summary=self.summary()
        )

    def summary(self) -> str:
        """One line that sums up; "" for nothing to sum up."""
        return ""

    def _atomic(
        self,
        fill: Callable[[AtomicFile], None],
        *,
        in_place: bool,
        overwrite: bool,
        then: Callable[[], None],
    ) -> None:
        """Write a file that `fill` makes and checks, after everything else has been made."""
        source = self.path if self.path != "-" else None
        mode = check_target(source, self.output, in_place=in_place, overwrite=overwrite)
        with AtomicFile(self.output) as output:
            fill(output)
            output.finish(mode)
            self.temporary = output.path
            then()
            output.publish(replace=in_place or overwrite)


class TextJob(Job):
    """A prototxt: its new text."""

    kind = "prototxt"

    def __init__(
        self, path: str, output: str, source: str, data: bytes, notes: Sequence[Note] = ()
    ) -> None:
        super().__init__(path, output, source, notes)
        self.data = data

    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Write the text; to standard output when everything else is done."""
        if self.output == "-":
            then()
            sys.stdout.flush()
            sys.stdout.buffer.write(self.data)
            sys.stdout.buffer.flush()
            return
        self._atomic(
            lambda output: output.write(self.data),
            in_place=in_place,
            overwrite=overwrite,
            then=then,
        )


class ModelJob(Job):
    """A binary caffemodel."""

    kind = "caffemodel"

    def __init__(
        self, plan: ModelPlan, output: str, target: Dialect, notes: Sequence[Note] = ()
    ) -> None:
        super().__init__(plan.model.path, output, plan.model.source, (*notes, *plan.notes))
        self.plan = plan
        self.target = target
        self.proofs: list[Proof] | None = None

    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Splice, read back, prove."""
        size = self.plan.size

        def proven(path: str) -> None:
            self.temporary = path
            then()

        self.proofs = write_model_file(
            self.plan,
            self.output,
            self.target,
            in_place=in_place,
            overwrite=overwrite,
            progress=None if progress is None else lambda done: progress(self.path, done, size),
            then=proven,
        )

    def result(self) -> FileResult:
        """With a row for each BatchNorm."""
        rows = rows_of(self.plan.rewrite.layers, self.proofs)
        return super().result()._replace(layers=rows)

    def summary(self) -> str:
        """How many layers, and the largest difference."""
        return _summary(self.plan.rewrite.layers, self.proofs)


class HDF5ModelJob(Job):
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
        super().__init__(path, output, source, notes)
        self.layers = layers
        self.changed = changed
        self.proofs: list[Proof] | None = None

    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Write anew, read back, prove."""

        def fill(output: AtomicFile) -> None:
            write_model(self.path, output, self.changed)
            self.proofs = self._prove(read_model(output.path))

        self._atomic(fill, in_place=in_place, overwrite=overwrite, then=then)

    def _prove(self, made: Mapping[str, tuple[Array, ...]]) -> list[Proof]:
        """The proof of every BatchNorm; raises ProofError."""
        before = read_model(self.path)
        for name, blobs in before.items():
            now = made.get(name, ())
            same = len(now) == len(blobs) and all(
                np.array_equal(a, b, equal_nan=True) for a, b in zip(blobs, now, strict=True)
            )
            if name not in self.changed and not same:
                raise ProofError(f"layer '{name}' is not what it was; nothing was written")
        proofs = []
        for change in self.layers:
            blobs = made.get(change.name, ())
            scale = made.get(change.recipe.scale, ()) if change.made.measured_with_scale else ()
            if change.recipe.layout is FROZEN_SCALE:
                one = np.ones(change.norm.state.channels)
                found = after_scale(Folded(one, 0 * one, 0 * one), blobs)
            else:
                found = fold(change.recipe.layout.decode(blobs, change.made.eps))
            found = after_scale(found, scale)
            proofs.append(Proof(change.name, largest_difference(change.made.folded, found)))
        check_proofs(proofs)
        return proofs

    def result(self) -> FileResult:
        """With a row for each BatchNorm."""
        return super().result()._replace(layers=rows_of(self.layers, self.proofs))

    def summary(self) -> str:
        """How many layers, and the largest difference."""
        return _summary(self.layers, self.proofs)


class StateJob(Job):
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
        notes: Sequence[Note] = (),
    ) -> None:
        super().__init__(index.path, output, source, notes)
        self.index = index
        self.pieces = pieces
        self.history = history
        self.learned_net = learned_net

    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Splice, read back, compare shapes."""

        def verify(path: str) -> None:
            made = index_state(path)
            shapes = [shape for _, shape in self.history]
            if [blob.shape for blob in made.history] != shapes:
                raise ProofError("the history is not what was planned; nothing was written")
            then()

        size = size_of(self.pieces)
        write_spliced(
            self.path,
            self.output,
            self.pieces,
            state=self.index.state,
            verify=verify,
            in_place=in_place,
            overwrite=overwrite,
            progress=None if progress is None else lambda done: progress(self.path, done, size),
        )

    def summary(self) -> str:
        """Where the history and the model are."""
        return _history_summary(self.history, self.learned_net)


class HDF5StateJob(Job):
    """A solver state in HDF5."""

    kind = "HDF5 solverstate"

    def __init__(
        self,
        path: str,
        output: str,
        source: str,
        history: HistoryMap,
        learned_net: str,
        notes: Sequence[Note] = (),
    ) -> None:
        super().__init__(path, output, source, notes)
        self.history = history
        self.learned_net = learned_net

    def write(
        self,
        *,
        in_place: bool,
        overwrite: bool,
        progress: Progress | None,
        then: Callable[[], None],
    ) -> None:
        """Write anew, read back, compare shapes."""

        def fill(output: AtomicFile) -> None:
            write_state(self.path, output, self.learned_net, self.history)
            if read_state(output.path).shapes != tuple(shape for _, shape in self.history):
                raise ProofError("the history is not what was planned; nothing was written")

        self._atomic(fill, in_place=in_place, overwrite=overwrite, then=then)

    def summary(self) -> str:
        """Where the history and the model are."""
        return _history_summary(self.history, self.learned_net)


def _summary(layers: Sequence[LayerChange], proofs: Sequence[Proof] | None) -> str:
    if not layers:
        return "no BatchNorm layer with weights"
    many = "1 BatchNorm layer" if len(layers) == 1 else f"{len(layers)} BatchNorm layers"
    if proofs is None:
        return many
    worst = max(proof.difference for proof in proofs)
    return f"{many}; largest difference {worst:.1e}" if worst else f"{many}; no difference"


def _history_summary(history: HistoryMap, learned_net: str) -> str:
    zeros = sum(1 for at, _ in history if at is None)
    more = f", {zeros} of them zeros" if zeros else ""
    return f"{len(history)} history blobs{more}; learned_net is {learned_net}"
