"""A binary model as it was read, and as it computes in a net."""

from __future__ import annotations

from collections.abc import Container, Sequence

from protolint.batchnorm.facts import file_marks
from protolint.batchnorm.origin import writer_of
from protolint.batchnorm.reading import Norm, norms_in, require
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals, notes
from protolint.conversion.decide.forms import form_of
from protolint.conversion.notes import Note
from protolint.errors import InputError
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.weights.files import mapped
from protolint.weights.index import ModelIndex, index_model

__all__ = ["Model", "in_net", "read_model_file", "refuse_other_eps", "with_net"]


class Model:
    """A binary model as it was read: where everything lies, and its BatchNorm layers.

    `dialect` is the one in whose words it is read, `source` the name of its writer.
    """

    __slots__ = ("dialect", "index", "norms", "path", "source")

    def __init__(
        self, path: str, index: ModelIndex, norms: dict[int, Norm], dialect: Dialect, source: str
    ) -> None:
        self.path, self.index, self.norms = path, index, norms
        self.dialect, self.source = dialect, source


def read_model_file(path: str, source: str | None, statistic: Statistic | None) -> Model:
    """Return the model in a binary file; raises InputError where a layout is not certain."""
    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        norms = require(path, norms_in(data, index, source=source, statistic=statistic))
        marks = file_marks(index)
    writer = writer_of(norms, marks, source)
    found = {norm.position: _as_written(norm, index) for norm in norms}
    return Model(path, index, found, writer.dialect, writer.name)


def _as_written(norm: Norm, index: ModelIndex) -> Norm:
    """Return the BatchNorm with its name as the net in the file has it, whatever its bytes."""
    return norm._replace(layer=norm.layer._replace(name=index.layers[norm.position].name))


def with_net(model: Model, net: Net) -> tuple[Model, list[Note]]:
    """Return the model as it computes in a net: the eps is the prototxt's, not the file's."""
    layers = {layer.name: layer for layer in net.batchnorms}
    norms: dict[int, Norm] = {}
    found: list[Note] = []
    for position, norm in model.norms.items():
        layer = layers.get(norm.name)
        norms[position] = norm
        if layer is None:
            continue
        changed = in_net(norm.with_eps(written_eps(layer)), layer, net)
        if changed.state.eps != norm.state.eps:
            found.append(notes.eps_of_prototxt(norm.name, norm.state.eps, changed.state.eps))
        norms[position] = changed
    return Model(model.path, model.index, norms, model.dialect, model.source), found


def in_net(norm: Norm, layer: Layer, net: Net) -> Norm:
    """Return a BatchNorm with the eps that its layer has in the Caffe the net is written for.

    Where the blobs are not those of that Caffe, theirs counts.
    """
    form = form_of(layer, net)
    made = norm.layout.name.removesuffix("-inv-std").removesuffix("-second-moment")
    if made != form.layout and (made, form.layout) != ("B3", "N16-3"):
        return norm
    return norm._replace(decoded=norm.state._replace(eps=form.eps))


def refuse_other_eps(nets: Sequence[Net], names: Container[str]) -> None:
    """Raise InputError where two nets give a BatchNorm of the weights another eps."""
    known: dict[str, tuple[float, str]] = {}
    for net in nets:
        for layer in net.batchnorms:
            eps = form_of(layer, net).eps
            other, path = known.setdefault(layer.name, (eps, net.source.path))
            if eps != other and layer.name in names:
                text = file_refusals.other_eps(layer.name, eps, other, path)
                raise InputError(net.source.path, text)


def written_eps(layer: Layer) -> float | None:
    """Return the eps a layer says, None where it says none."""
    return layer.batchnorm.eps
