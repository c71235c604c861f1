"""One job for each file of a conversion: what will be written, and writing it."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import Array
from protolint.caffe.dialect import Dialect
from protolint.conversion.notes import Note
from protolint.conversion.numbers.encode import FROZEN_SCALE, LayerChange, after_scale
from protolint.conversion.numbers.hdf5 import read_state, write_model, write_state
from protolint.conversion.numbers.model_plan import ModelPlan
from protolint.conversion.numbers.solverstate import StateIndex, index_state
from protolint.conversion.prove.weights import (
    TOLERANCE,
    Proof,
    ProofError,
    check_proofs,
    proof_of,
    prove,
)
from protolint.conversion.report import FileResult, LayerRow
from protolint.files import AtomicFile, check_target
from protolint.weights.hdf5 import read_model
from protolint.weights.splice import Piece, size_of, write_spliced

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

    def shown(self, path: str, size: int) -> Callable[[int], None] | None:
        """Return the progress of one file of so many bytes."""
        progress = self.progress
        return None if progress is None else lambda done: progress(path, done, size)


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
    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Write and prove the result, call `then`, and give the result its name."""

    def result(self) -> FileResult:
        """Return what was, or would be, done."""
        return FileResult(
            self.path, self.output, self.kind, self.source, notes=self.notes, summary=self.summary()
        )

    def summary(self) -> str:
        """One line that sums up; "" for nothing to sum up."""
        return ""

    def _atomic(
        self, how: Writing, fill: Callable[[AtomicFile], None], then: Callable[[], None]
    ) -> None:
        """Write a file that `fill` makes and checks, after everything else has been made."""
        source = self.path if self.path != "-" else None
        mode = check_target(source, self.output, in_place=how.in_place, overwrite=how.overwrite)
        with AtomicFile(self.output) as output:
            fill(output)
            output.finish(mode)
            self.temporary = output.path
            then()
            output.publish(replace=how.in_place or how.overwrite)


class TextJob(Job):
    """A prototxt: its new text."""

    kind = "prototxt"

    def __init__(
        self, path: str, output: str, source: str, data: bytes, notes: Sequence[Note] = ()
    ) -> None:
        super().__init__(path, output, source, notes)
        self.data = data

    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Write the text; to standard output when everything else is done."""
        if self.output == "-":
            then()
            sys.stdout.flush()
            sys.stdout.buffer.write(self.data)
            sys.stdout.buffer.flush()
            return
        self._atomic(how, lambda output: output.write(self.data), then)


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

    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Splice, read back, prove."""

        def proven(path: str) -> None:
            self.temporary = path
            then()

        self.proofs = _write_model(
            self.plan,
            self.output,
            self.target,
            in_place=how.in_place,
            overwrite=how.overwrite,
            progress=how.shown(self.path, self.plan.size),
            then=proven,
            tolerance=how.tolerance,
        )


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

    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Write anew, read back, prove."""

        def fill(output: AtomicFile) -> None:
            write_model(self.path, output, self.changed)
            self.proofs = self._prove(read_model(output.path))
            check_proofs(self.proofs, how.tolerance)

        self._atomic(how, fill, then)

    def _prove(self, made: Mapping[str, tuple[Array, ...]]) -> list[Proof]:
        """Return the proof of every BatchNorm; raises ProofError."""
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
            blobs = made.get(change.new_name, ())
            scale = made.get(change.new_scale, ()) if change.made.measured_with_scale else ()
            if change.recipe.layout is FROZEN_SCALE:
                one = np.ones(change.norm.state.channels)
                found = after_scale(Folded(one, 0 * one, 0 * one), blobs)
            else:
                found = fold(change.recipe.layout.decode(blobs, change.made.eps))
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
            raise ProofError("the history is not what was planned; nothing was written")

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

    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Splice, read back, compare shapes."""

        def verify(path: str) -> None:
            self.check([blob.shape for blob in index_state(path).history])
            then()

        write_spliced(
            self.path,
            self.output,
            self.pieces,
            state=self.index.state,
            verify=verify,
            in_place=how.in_place,
            overwrite=how.overwrite,
            progress=how.shown(self.path, size_of(self.pieces)),
        )


class HDF5StateJob(_HistoryJob):
    """A solver state in HDF5."""

    kind = "HDF5 solverstate"

    def write(self, how: Writing, then: Callable[[], None]) -> None:
        """Write anew, read back, compare shapes."""

        def fill(output: AtomicFile) -> None:
            write_state(self.path, output, self.learned_net, self.history)
            self.check(read_state(output.path).shapes)

        self._atomic(how, fill, then)


def _write_model(
    plan: ModelPlan,
    output: str,
    target: Dialect,
    *,
    in_place: bool,
    overwrite: bool,
    progress: Callable[[int], None] | None,
    then: Callable[[str], None],
    tolerance: float = TOLERANCE,
) -> list[Proof]:
    """Write the new file, prove it, let everything else happen, and give it its name.

    `then` gets the path of the proven temporary file, `tolerance` is the largest relative
    difference that counts as rounding.

    Raises ProofError, and then nothing has been written.
    """
    proofs: list[Proof] = []

    def verify(path: str) -> None:
        proofs.extend(
            prove(path, plan.rewrite.layers, target, plan.model.index, plan.touched, tolerance)
        )
        then(path)

    write_spliced(
        plan.model.path,
        output,
        plan.pieces,
        state=plan.model.index.state,
        verify=verify,
        in_place=in_place,
        overwrite=overwrite,
        progress=progress,
    )
    return proofs


def _rows(changes: Sequence[LayerChange], proofs: Sequence[Proof] | None) -> tuple[LayerRow, ...]:
    """Return the rows of the report; without proofs no difference is known."""
    found: Sequence[Proof | None] = proofs if proofs is not None else [None] * len(changes)
    return tuple(
        LayerRow(
            change.name,
            change.norm.layout.name,
            change.recipe.layout.name,
            change.recipe.fate.value,
            change.recipe.scale,
            change.norm.state.channels,
            change.norm.state.factor,
            change.made.factor,
            change.norm.state.eps,
            change.made.eps,
            proof.difference if proof is not None else None,
            change.norm.evidence,
            proof.absolute if proof is not None else None,
            change.recipe.name,
            change.recipe.scale_name,
        )
        for change, proof in zip(changes, found, strict=True)
    )
