"""Files that belong together: a solver and its nets, a deploy net and its training net.

Only the files of one run are paired, and the nets that a solver names. Nothing else on the
disk is looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT
from protolint.errors import InputError
from protolint.net.net import Net, NetFile
from protolint.net.solver_parameter import SolverParameter
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.discover import read_source
from protolint.workspace.named_files import NamedFiles, same_last_name
from protolint.workspace.reading import Readings

__all__ = ["Project"]

#: Words that say which of a model's files this is; what is left names the model.
_ROLE = r"deploy|inference|train|test|val|net|[^a-z0-9]"
_MOST_OF_A_MODEL = 16
#: Bytes of text whose files are kept, some 20 MB in memory: files that belong together are mostly
#: next to each other, and to read a few nets twice takes less time than fresh memory for many.
_KEPT, _KEPT_FOR_A_FILE = 1_000_000, 2_000
_TRAINING_NETS = ("net", "train_net")
_ALL_NETS = ("net", "train_net", "test_net")


class Project:
    """The files of one run, opened when another file asks for them.

    `read` parses a source with the settings that hold for its path.
    """

    def __init__(self, paths: Iterable[str] = (), read: Callable[[Source], Readings] = Readings.of):
        self._read = read
        self._paths = {os.path.abspath(path): path for path in paths if path != "-"}
        self._models: dict[tuple[str, str], list[str]] = {}
        self._solvers: dict[str, list[str]] = {}
        for path in self._paths:
            folder, name = os.path.split(path)
            self._models.setdefault((folder, _model_of(path)), []).append(path)
            if "solver" in name.lower():
                self._solvers.setdefault(folder, []).append(path)
        self._named: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        self._opened: dict[str, Readings | None] = {}
        self._files = NamedFiles()
        self._kept = 0

    def opened(self, source: Source) -> Readings | None:
        """Return the file of a source, if it has been opened with this very text."""
        known = self._opened.get(os.path.abspath(source.path))
        same = known is not None and known.tree.source.data == source.data
        return known if same else None

    def keep(self, readings: Readings) -> None:
        """Keep one of the run's files, for others that ask for it. The last ones are kept."""
        path = os.path.abspath(readings.tree.source.path)
        if path in self._paths:
            self._keep(path, readings)

    def forget(self) -> None:
        """Let go of every file: each refers to these, in a circle that only a collector ends."""
        self._opened.clear()
        self._kept = 0

    def _keep(self, path: str, readings: Readings | None) -> None:
        self._kept += _room_of(readings) - _room_of(self._opened.pop(path, None))
        self._opened[path] = readings
        while self._kept > _KEPT and len(self._opened) > 1:
            self._kept -= _room_of(self._opened.pop(next(iter(self._opened))))

    def _open(self, path: str) -> Readings | None:
        """Return the parsed file, or None where it cannot be read."""
        if path not in self._opened:
            try:
                source = read_source(path, self._paths.get(path) or os.path.relpath(path))
                self._keep(path, self._read(source))
            except InputError:
                self._keep(path, None)
        return self._opened[path]

    def _net(self, path: str, dialect: Dialect) -> Net | None:
        readings = self._open(path)
        if readings is None or readings.kind is not FileKind.NET or readings.tree.broken:
            return None
        nets = readings.read(dialect).nets
        return nets[0] if nets else None

    def open_net(self, solver: SolverParameter, name: str) -> NetFile:
        """Return what is known of a file that a solver names."""
        folder = _folder(solver)
        paths = [path for path in self._files.candidates(folder, name) if os.path.isfile(path)]
        elsewhere = "" if paths else same_last_name(folder, name)
        for path in paths or ([os.path.join(folder, elsewhere)] if elsewhere else ()):
            net = self._net(path, solver.dialect)
            if net is not None:
                return NetFile(bool(paths), net, elsewhere)
        return NetFile(bool(paths), None, elsewhere)

    def has_file(self, solver: SolverParameter, name: str) -> bool:
        """Return whether there is a file that a solver names."""
        return any(map(os.path.isfile, self._files.candidates(_folder(solver), name)))

    def sibling(self, net: Net) -> Net | None:
        """Return the training net of a deploy net, or the other way round, from the same folder."""
        path = os.path.abspath(net.source.path)
        found = []
        for other in self._models.get((os.path.dirname(path), _model_of(path)), ()):
            candidate = None if other == path else self._net(other, net.dialect)
            if candidate is None or candidate.is_deploy == net.is_deploy:
                continue
            if _same_model(net, candidate):
                found.append(candidate)
        return found[0] if len(found) == 1 else None

    def solver(self, net: Net) -> SolverParameter | None:
        """Return the one solver of the run, in the same folder, that names this net."""
        path = os.path.abspath(net.source.path)
        solvers = self._solvers.get(os.path.dirname(path), ())
        found = [solver for solver in solvers if path in self._nets_of(solver, net.dialect)]
        readings = self._open(found[0]) if len(found) == 1 else None
        return None if readings is None else readings.read(net.dialect).solver

    def family(self, readings: Readings) -> list[Readings]:
        """Return the other files of a model: what a solver names, and nets of like names.

        Nets belong together that lie in one folder, have one name but for their role, and
        share most of their layers; solvers with the nets that they name.
        """
        start = os.path.abspath(readings.tree.source.path)
        found: dict[str, Readings] = {start: readings}
        waiting = [start]
        while waiting and len(found) < _MOST_OF_A_MODEL:
            path = waiting.pop()
            for other in self._related(path, found[path]):
                if other not in found and (opened := self._open(other)) is not None:
                    found[other] = opened
                    waiting.append(other)
        return list(found.values())[1:]

    def _related(self, path: str, readings: Readings) -> Iterator[str]:
        """Yield the paths of the files that one file shows to be of its model."""
        folder = os.path.dirname(path)
        if readings.kind is FileKind.SOLVER:
            for other in self._nets_of(path, DEFAULT, _ALL_NETS):
                if os.path.isfile(other):
                    yield other
        elif readings.kind is FileKind.NET:
            for solver in self._solvers.get(folder, ()):
                if path in self._nets_of(solver, DEFAULT, _ALL_NETS):
                    yield solver
            likely = self._models.get((folder, _model_of(path)), ())
            net = self._net(path, DEFAULT) if len(likely) > 1 else None
            for other in likely if net is not None else ():
                candidate = None if other == path else self._net(other, DEFAULT)
                if net is not None and candidate is not None and _same_model(net, candidate):
                    yield other

    def _nets_of(
        self, path: str, dialect: Dialect, fields: tuple[str, ...] = _TRAINING_NETS
    ) -> frozenset[str]:
        """Every path that the training net of a solver may have, or other nets of it."""
        if (path, fields) not in self._named:
            readings = self._open(path)
            names: list[str] = []
            if readings is not None and readings.kind is FileKind.SOLVER:
                message = readings.read(dialect).message
                names = [v for field in fields for v in message.texts(field)]
            folder = os.path.dirname(path)
            places = (self._files.candidates(folder, name) for name in names)
            self._named[path, fields] = frozenset(chain.from_iterable(places))
        return self._named[path, fields]


def _room_of(readings: Readings | None) -> int:
    return 0 if readings is None else len(readings.tree.source.data) + _KEPT_FOR_A_FILE


def _model_of(path: str) -> str:
    """Return what a file's name says of the model, without what it says of the file's role."""
    return re.sub(_ROLE, "", os.path.splitext(os.path.basename(path))[0].lower())


def _folder(solver: SolverParameter) -> str:
    return os.path.dirname(os.path.abspath(solver.source.path))


def _same_model(first: Net, second: Net) -> bool:
    """Whether two nets share most of their layers with weights, by name."""
    names = [
        {layer.name for layer in net.layers if layer.type in ("Convolution", "InnerProduct")}
        for net in (first, second)
    ]
    common = names[0] & names[1]
    return bool(common) and 2 * len(common) >= min(len(names[0]), len(names[1]))
