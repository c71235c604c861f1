"""A database whose name says LMDB, opened as a LevelDB, or the other way round.

What it does
    Reports a `data_param` whose `source` is named after one kind of database where `backend`, or
    its default, is the other.

Why it matters
    Without `backend` a Data layer opens a LevelDB, in every Caffe. The net aborts as it is
    built: `Failed to open leveldb train_lmdb`, or `mdb_env_open` fails.

Which Caffe
    All. LevelDB is the default of DataParameter in every branch.

What to do
    Write the `backend` that the database has.

Evidence
    BVLC/caffe#1314; GetDB of src/caffe/util/db.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named

_TYPES = ("Data", "AnnotatedData")
_KINDS = ("LMDB", "LEVELDB")


@net_rule("NT041", "backend-not-of-source", Severity.WARNING, types=_TYPES)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(_TYPES):
        param = layer.parameter("data_param")
        node = None if param is None else param.node_of("backend") or param.node_of("source")
        if param is None or node is None or not net.keeps(layer):
            continue
        source, backend = param.text("source"), param.text("backend")
        kinds = [kind for kind in _KINDS if kind.lower() in source]
        if len(kinds) == 1 and backend in _KINDS and backend != kinds[0]:
            by = "" if "backend" in param else " by default"
            yield Finding(
                node.span,
                f"{named(layer)}: '{source}' is opened as {backend}{by}; write "
                f"backend: {kinds[0]} if it is one",
                layer=layer.name,
            )


def _data(fields: str, rest: str = "") -> str:
    return f'layer {{ name: "d" type: "Data" top: "x" {rest}\n  data_param {{ {fields} }}\n}}\n'


VALID = (Example("bvlc", _data('source: "train_leveldb"')),)
INVALID = (Invalid("bvlc", _data('source: "train_lmdb"'), (2,)),)
