"""More of NT041: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt041_backend_not_of_source import _data

VALID = (
    Example("bvlc", _data('source: "train_lmdb" backend: LMDB')),
    Example("bvlc", _data('source: "lmdb_of_the_leveldb"')),
    Example("bvlc", _data('source: "lmdb"', "include { min_level: 1 }")),
    Example("bvlc", _data('source: "data" backend: LMDB')),
)

INVALID = (
    Invalid("nvidia-0.17", _data('source: "a.leveldb"\n  backend: LMDB'), (3,)),
    Invalid("ssd", _data('source: "lmdb"').replace("Data", "AnnotatedData"), (2,)),
)
