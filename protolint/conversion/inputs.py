"""Which file is what by its content, which Caffe it is of, and where its result goes."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence

from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS
from protolint.conversion import file_refusals
from protolint.conversion.decide.memory import ADDED, is_added
from protolint.conversion.numbers.model import Model, read_model_file
from protolint.conversion.text.way_back import origin_of
from protolint.errors import InputError, UsageError
from protolint.record import NamedTuple
from protolint.weights.kinds import FileKind, recognise
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import infer_target, stated_targets
from protolint.workspace.workspace import Workspace

__all__ = [
    "Input",
    "of_one_source",
    "output_paths",
    "read_inputs",
    "read_models",
    "read_texts",
    "stated_statistic",
]


class Input(NamedTuple):
    """One file to convert; `readings` is the parsed text of a prototxt."""

    path: str
    kind: FileKind
    readings: Readings | None = None


def read_inputs(paths: Sequence[str], workspace: Workspace) -> list[Input]:
    """Return the inputs in the order given.

    Raises InputError for a file that cannot be read or is nothing that can be converted,
    UsageError for one that is given twice.
    """
    seen: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path) if path != "-" else path
        if real in seen:
            raise UsageError(f"{path}: is given twice (as {seen[real]}); name it once")
        seen[real] = path
    return [_read(path, workspace) for path in paths]


def _read(path: str, workspace: Workspace) -> Input:
    if path == "-":
        return _text(path, workspace)
    found = recognise(path)
    if found.kind is FileKind.TEXT:
        return _text(path, workspace)
    if found.description:
        raise InputError(path, file_refusals.of_no_kind(found.description))
    # Bytes of no known kind are read as a model, which says what is wrong with them.
    return Input(path, found.kind or FileKind.MODEL)


def _text(path: str, workspace: Workspace) -> Input:
    readings = workspace.readings(workspace.source(path))
    if not readings.tree.children and not readings.tree.broken:
        raise InputError(path, file_refusals.empty())
    if not readings.kind.is_text:
        labels = readings.kind is FileKind.LABELS
        raise InputError(path, file_refusals.other_text(labels=labels))
    return Input(path, readings.kind, readings)


_DIALECT_SUFFIX = re.compile(r"\.(?:" + "|".join(map(re.escape, DIALECTS)) + r")$")
_EXTENSION = re.compile(r"(\.(?:caffemodel|solverstate))?\.[A-Za-z0-9]+$")


def output_paths(
    inputs: Sequence[Input], target: str, output: str | None, *, in_place: bool
) -> list[str]:
    """Where each input's result goes: "-" for standard output; raises UsageError.

    Without `output` beside the source, as NAME.<dialect>.<ext>; a folder keeps the names.
    """
    if in_place:
        if output is not None:
            raise UsageError("--in-place and -o exclude each other: give one of them")
        if any(entry.path == "-" for entry in inputs):
            raise UsageError("standard input cannot be changed in place; give -o a file's name")
        return [entry.path for entry in inputs]
    if output is None:
        return ["-" if entry.path == "-" else _beside(entry.path, target) for entry in inputs]
    if output == "-":
        if len(inputs) != 1 or not inputs[0].kind.is_text:
            raise UsageError("standard output takes a single prototxt; give -o a folder, as DIR/")
        return ["-"]
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return _in_folder(inputs, output)
    if len(inputs) != 1:
        raise UsageError(f"-o {output}: several results need a folder; write it as {output}/")
    return [output]


def _beside(path: str, target: str) -> str:
    """NAME.<dialect>.<ext>, without the dialect that an earlier conversion put there."""
    found = _EXTENSION.search(path)
    stem, extension = (path[: found.start()], found.group()) if found else (path, "")
    stem = _DIALECT_SUFFIX.sub("", stem)
    return f"{stem}.{target}{extension}"


def _in_folder(inputs: Sequence[Input], folder: str) -> list[str]:
    """Return the same names in another folder."""
    if any(entry.path == "-" for entry in inputs):
        raise UsageError("standard input has no name to keep in a folder; give -o a file's name")
    paths = [os.path.join(folder, os.path.basename(entry.path)) for entry in inputs]
    if len(set(paths)) != len(paths):
        raise UsageError(
            f"-o {folder}: two of the files have the same name; convert them one by one"
        )
    return paths


#: The axes of a blob between Reshape layers that a conversion has put in.
_RESHAPED_TO = 4


def read_models(
    inputs: Sequence[Input], source: str | None, statistic: Statistic | None
) -> dict[str, Model]:
    """Return the binary models by their paths; `source` is who wrote them, as the user says.

    Where layouts are open, the head line of a converted net decides. Raises InputError where they
    stay so.
    """
    stated = [
        entry.readings.directives.targets[0].name
        for entry in inputs
        if entry.readings is not None and origin_of(entry.readings.tree.source) is not None
    ]
    found = {}
    for entry in inputs:
        if entry.kind is FileKind.MODEL:
            try:
                found[entry.path] = read_model_file(entry.path, source, statistic)
            except InputError:
                if source is not None or not stated:
                    raise
                found[entry.path] = read_model_file(entry.path, stated[0], statistic)
    return found


def stated_statistic(inputs: Sequence[Input]) -> Statistic | None:
    """Return what the head line of a converted net says its second statistic is."""
    for entry in inputs:
        origin = origin_of(entry.readings.tree.source) if entry.readings is not None else None
        if origin is not None and origin.statistic is not None:
            return origin.statistic
    return None


def read_texts(
    inputs: Sequence[Input], source: str | None, models: Collection[Model], workspace: Workspace
) -> dict[str, LintFile]:
    """Return the prototxts, each bound to the dialect it is written for.

    That is the one the user names, or the one that a comment in it or the configuration
    names, or the one that its fields show, as far as the weights beside it allow that.
    """
    texts = [entry for entry in inputs if entry.readings is not None]
    readings = {e.path: e.readings for e in texts if e.readings is not None}
    asked = DIALECTS.get(source or "")
    if asked is not None:
        return {path: _as_asked(found, asked) for path, found in readings.items()}
    named = {e.path: _named(e, workspace) for e in texts}
    if any(named.values()):
        # What holds for one file of a model holds for the others.
        usual = next(dialect for dialect in named.values() if dialect is not None)
        return {path: found.read(named[path] or usual) for path, found in readings.items()}
    shown = {path: _shown(found, models) for path, found in readings.items()}
    others = {dialect.name for dialect in shown.values() if dialect != DEFAULT}
    if len(others) == 1:
        other = DIALECTS[others.pop()]
        shown = {path: other if d == DEFAULT else d for path, d in shown.items()}
    return {path: found.read(shown[path]) for path, found in readings.items()}


def _named(entry: Input, workspace: Workspace) -> Dialect | None:
    """Return what a comment or the configuration says of a prototxt.

    Raises UsageError for several.
    """
    if entry.readings is None:
        return None
    stated = stated_targets(entry.readings, workspace.settings(entry.path))
    if len(stated) > 1:
        names = ", ".join(target.dialect.name for target in stated)
        raise UsageError(
            f"{entry.path}: is for {names}, {stated[0].reason}; say with --from which it is"
            " written for"
        )
    return stated[0].dialect if stated else None


def _shown(readings: Readings, models: Iterable[Model]) -> Dialect:
    """Return the dialect that the fields of a prototxt show, beside the weights.

    Several Caffes may know all its fields: BVLC's and every other know those of a plain net,
    0.14 and 0.15 those of each other, SSD's fork and NVIDIA 0.17 the layers of detectors. Then
    the writer of the weights is the one, or a Caffe that writes them in the same layouts.
    """
    shown = infer_target(readings).dialect
    if shown == DEFAULT and _is_reshaped(readings):
        shown = next(d for d in DIALECTS.values() if d.least_axes == _RESHAPED_TO)
        shown = shown if readings.read(shown).accepted else DEFAULT
    writers = {model.dialect.name for model in models if model.norms}
    if len(writers) != 1:
        return shown
    writer = DIALECTS[writers.pop()]
    if shown.file_layouts == writer.file_layouts or not readings.read(shown).accepted:
        return shown
    alike = [d for d in DIALECTS.values() if d.file_layouts == writer.file_layouts]
    for dialect in (writer, *alike):
        file = readings.read(dialect)
        known = dialect.layer_types | file.nets[0].custom_types if file.nets else set()
        types = {layer.type for net in file.nets for layer in net.layers}
        if file.accepted and types & shown.layer_types <= known:
            return dialect
    return shown


def of_one_source(models: dict[str, Model], texts: Iterable[LintFile]) -> dict[str, Model]:
    """Return models as those of the Caffe of their prototxts, where it writes such ones."""
    dialects = {file.dialect.name for file in texts}
    if len(dialects) != 1:
        return models
    dialect = DIALECTS[dialects.pop()]
    return {
        path: Model(path, model.index, model.norms, dialect, dialect.name)
        if model.source in DIALECTS and model.dialect.file_layouts == dialect.file_layouts
        else model
        for path, model in models.items()
    }


def _is_reshaped(readings: Readings) -> bool:
    """Whether a conversion has put Reshape layers around a BatchNorm, which some Caffes need."""
    if ADDED not in readings.tree.source.text:
        return False
    nets = readings.read(DEFAULT).nets
    layers = (layer for net in nets for layer in net.layers if layer.type == "Reshape")
    return any(is_added(readings.tree.source, layer.node) for layer in layers)


def _as_asked(readings: Readings, asked: Dialect) -> LintFile:
    """Return a prototxt as the writer of its weights reads it, or as the Caffe it is for does.

    A net that is adapted already is another Caffe's than the weights.
    """
    file = readings.read(asked)
    if file.accepted:
        return file
    other = readings.read(infer_target(readings).dialect)
    return other if other.accepted else file
