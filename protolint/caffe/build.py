"""How a user's own Caffe differs from the dialect it is a build or a fork of."""

from __future__ import annotations

from functools import cache

from protolint.caffe.descriptors import Schema
from protolint.record import NamedTuple

__all__ = ["STANDARD", "Build", "types_in"]


class Build(NamedTuple):
    """One Caffe on somebody's machine.

    `schema` replaces the dialect's own; `cudnn` is False for a build without cuDNN, for
    Intel's Caffe without MKL. `layer_types` and `extra_fields` ("LayerParameter.my_param", or
    "my_param" in any message) are what a fork adds. `fine_tunes` says that training starts from
    weights that are loaded.
    """

    schema: Schema | None = None
    cudnn: bool = True
    layer_types: frozenset[str] = frozenset()
    extra_fields: frozenset[str] = frozenset()
    fine_tunes: bool = False

    def adds_field(self, message: str, field: str) -> bool:
        """Whether the fork has a field that the schema does not know."""
        return field in self.extra_fields or f"{message}.{field}" in self.extra_fields


@cache
def types_in(schema: Schema) -> frozenset[str]:
    """Return the layer types beyond BVLC's that a schema shows to be registered.

    A Caffe or a public fork all of whose parameters it has lends it all of its types; a type
    whose own parameter it has (`interp_param` of Interp) is registered, too.
    """
    from protolint.caffe.descriptors import load_schema
    from protolint.caffe.fork_table import FORKS
    from protolint.caffe.registry import DEFAULT, DIALECTS

    fields = schema.messages["LayerParameter"].fields.keys()
    plain = {name.replace("_", "") for name in fields}
    found: set[str] = set()
    known: set[str] = set()
    for dialect in DIALECTS.values():
        known |= dialect.layer_types
        if load_schema(dialect.schema).messages["LayerParameter"].fields.keys() <= fields:
            found |= dialect.layer_types
    for fork in FORKS:
        known |= fork.types
        own = fork.fields.get("LayerParameter", frozenset())
        if own and own <= fields:
            found |= fork.types
    found.update(name for name in known if f"{name.lower()}param" in plain)
    return frozenset(found) - DEFAULT.layer_types


#: A release as it is published, with cuDNN.
STANDARD = Build()
