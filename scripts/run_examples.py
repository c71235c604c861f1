"""Run the examples of a rule against whatever is registered under its code."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from field_names import check_field_names

from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import AUTO, DIALECTS
from protolint.diagnostic import Diagnostic
from protolint.edit import Edit, apply_edits, overlap
from protolint.lint.check_text import check_source
from protolint.lint.check_weights import GivenNet, check_weights
from protolint.lint.file_report import FileReport
from protolint.lint.rule import Example, Invalid
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["Runner"]

_MOST_ROUNDS = 20

check_field_names()


class Runner:
    """The examples of one rule, their files written once into a folder.

    They are those of its `module` and `more` of them: where it stays quiet, where it fires.
    """

    def __init__(
        self, code: str, module: ModuleType, folder: Path, more: tuple[Any, Any] = ((), ())
    ) -> None:
        self.code = code
        # Rules about comments look at what the others find.
        self.select = None if code.startswith("PL") else frozenset({code})
        self.examples: list[tuple[str, Any, Path]] = []
        for kind, others in zip(("VALID", "INVALID"), more, strict=True):
            for number, example in enumerate((*getattr(module, kind, ()), *others)):
                place = folder / f"{kind}{number}"
                place.mkdir()
                self.examples.append((f"{kind}[{number}]", example, place))
                _write(example, place)

    def outcome(self) -> list[str]:
        """Return what the rule finds in each example, and what its fixes make of it, as text."""
        return [
            f"{name}\n{self._weights(example, place)}"
            if isinstance(example, (WeightsExample, InvalidWeights))
            else f"{name}\n{self._text(example, place)}"
            for name, example, place in self.examples
        ]

    def _text(self, example: Example | Invalid, place: Path) -> str:
        data = example.text.encode()
        report = self._check(example, place, data)
        found = self._of(report)
        text = "".join(_shown(d, report.source.line_number(d.span.start)) for d in found)
        for _ in range(_MOST_ROUNDS):
            edits: list[Edit] = []
            for diagnostic in found:
                fresh = (
                    [e for e in diagnostic.fix.edits if e not in edits] if diagnostic.fix else []
                )
                if not any(overlap(edit, other) for edit in fresh for other in edits):
                    edits += fresh
            if not edits:
                break
            data = apply_edits(data, edits)
            text += data.decode()
            found = self._of(self._check(example, place, data))
        return text

    def _check(self, example: Example | Invalid, place: Path, data: bytes) -> FileReport:
        path = place / example.name
        workspace = self._workspace(example.target)
        workspace.pair([str(path), *(str(place / name) for name in example.others)])
        (report,) = check_source(workspace, Source(str(path), data))
        return report

    def _workspace(self, target: str) -> Workspace:
        targets = () if target == AUTO else (DIALECTS[target],)
        return Workspace(Choices(targets=targets, select=self.select, isolated=True))

    def _of(self, report: FileReport) -> list[Diagnostic]:
        return [d for d in report.diagnostics if d.code == self.code]

    def _weights(self, example: WeightsExample | InvalidWeights, place: Path) -> str:
        if example.others:
            from protolint.stats.run import Options, collect

            paths = [str(place / name) for name in (example.name, *example.others)]
            found = [d for d in collect(paths, Options()).findings if d.code == self.code]
            return "".join(_shown(d, 0) for d in found)
        given = None
        if example.net:
            readings = Readings.of(Source("net.prototxt", example.net.encode()))
            given = GivenNet(readings, [Target(DIALECTS[example.target], "as asked")])
        workspace = self._workspace(example.target)
        (report,) = check_weights(workspace, str(place / example.name), given=given)
        return "".join(_shown(d, 0) for d in self._of(report))


def _shown(finding: Diagnostic, line: int) -> str:
    """Return all that a finding says."""
    place = f"line {line}" if line else f"bytes {finding.span.start} to {finding.span.end}"
    text = f"{place}: {finding.severity.value}: {finding.message}\n"
    for label in finding.related:
        text += f"    {label.text} ({label.span.start} to {label.span.end})\n"
    if finding.fix is not None:
        text += f"    {finding.fix.applicability.value}: {finding.fix.title}\n"
    return text


def _write(example: Any, place: Path) -> None:
    """Write the files of an example; text of weights becomes the model it spells."""
    for name, text in {example.name: example.text, **example.others}.items():
        path = place / name
        if isinstance(example, (Example, Invalid)):
            path.write_text(text, "utf-8", newline="")
        elif example.hdf5:
            _write_hdf5(text, path)
        else:
            path.write_bytes(_message(text).SerializeToString())


def _message(text: str) -> Any:
    from google.protobuf import text_format

    net = load_schema("nvidia-0.17").message_class("NetParameter")()
    text_format.Parse(text, net)
    return net


def _write_hdf5(text: str, path: Path) -> None:
    import h5py  # type: ignore[import-untyped]
    import numpy as np

    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for layer in _message(text).layer:
            group = data.create_group(layer.name)
            for number, blob in enumerate(layer.blobs):
                values = np.array(blob.double_data or blob.data, np.float32)
                group[str(number)] = values.reshape(tuple(blob.shape.dim) or (-1,))
