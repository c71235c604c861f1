"""Files that belong together: a solver and its nets, a deploy net and its training net.

Only the files of one run are paired, and the nets that a solver names. Nothing else on the
disk is looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from protolint.caffe.dialect import Dialect
from protolint.errors import InputError
from protolint.net.net import Net
from protolint.net.solver_parameter import SolverParameter
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.discover import read_source
from protolint.workspace.reading import Readings

__all__ = ["Project"]

#: Words that say which of a model's files this is; what is left names the model.
_ROLE = re.compile(r"deploy|inference|train|test|val|net|[^a-z0-9]", re.IGNORECASE)
_KEPT = 16


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
        self._named: dict[str, frozenset[str]] = {}
        self._opened: dict[str, Readings | None] = {}

    def _open(self, path: str) -> Readings | None:
        """Return the parsed file, or None where it cannot be read. The last few are kept."""
        if path not in self._opened:
            while len(self._opened) >= _KEPT:
                del self._opened[next(iter(self._opened))]
            try:
                source = read_source(path, self._paths.get(path) or os.path.relpath(path))
                self._opened[path] = self._read(source)
            except InputError:
                self._opened[path] = None
        return self._opened[path]

    def _net(self, path: str, dialect: Dialect) -> Net | None:
        readings = self._open(path)
        if readings is None or readings.kind is not FileKind.NET or readings.tree.broken:
            return None
        nets = readings.read(dialect).nets
        return nets[0] if nets else None

    def open_net(self, solver: SolverParameter, name: str) -> tuple[bool, Net | None]:
        """Return whether there is a file that a solver names, and its net if it holds one."""
        folder = os.path.dirname(os.path.abspath(solver.source.path))
        paths = [path for path in _candidates(folder, name) if os.path.isfile(path)]
        nets = (self._net(path, solver.dialect) for path in paths)
        return bool(paths), next((net for net in nets if net is not None), None)

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

    def _nets_of(self, path: str, dialect: Dialect) -> frozenset[str]:
        """Every path that the training net of a solver may have."""
        if path not in self._named:
            readings = self._open(path)
            names: list[str] = []
            if readings is not None and readings.kind is FileKind.SOLVER:
                message = readings.read(dialect).message
                names = [v for field in ("net", "train_net") for v in message.texts(field)]
            folder = os.path.dirname(path)
            self._named[path] = frozenset(p for name in names for p in _candidates(folder, name))
        return self._named[path]


def _model_of(path: str) -> str:
    """Return what a file's name says of the model, without what it says of the file's role."""
    return _ROLE.sub("", os.path.splitext(os.path.basename(path))[0]).lower()


def _candidates(folder: str, name: str) -> list[str]:
    """Where a net named by a solver may lie.

    Caffe takes the name as relative to the folder it was started in, which is often the
    root of a repository: so here, in each folder above the solver, and beside it.
    """
    places = [os.getcwd(), folder]
    while os.path.dirname(places[-1]) != places[-1]:
        places.append(os.path.dirname(places[-1]))
    found = [os.path.normpath(os.path.join(place, name)) for place in places]
    return list(dict.fromkeys([*found, os.path.join(folder, os.path.basename(name))]))


def _same_model(first: Net, second: Net) -> bool:
    """Whether two nets share most of their layers with weights, by name."""
    names = [
        {layer.name for layer in net.layers if layer.type in ("Convolution", "InnerProduct")}
        for net in (first, second)
    ]
    common = names[0] & names[1]
    return bool(common) and 2 * len(common) >= min(len(names[0]), len(names[1]))
