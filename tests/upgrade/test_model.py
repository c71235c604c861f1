"""Upgraded caffemodels: the message of Caffe's own upgrade, blobs and all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from protolint.caffe.registry import DIALECTS
from protolint.errors import InputError
from protolint.upgrading.model import upgrade_model
from protolint.weights.index import index_model
from protolint.weights.splice import Copy, whole_file

from .caffes_own import NET, RefusedError, upgrade_net

BVLC = DIALECTS["bvlc"]


def upgraded(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of an upgraded model, and what it has lost."""
    index = index_model("m.caffemodel", data)
    found = upgrade_model(data, index, BVLC)
    pieces = whole_file(index, found.changes)
    made = b"".join(
        data[piece.start : piece.end] if isinstance(piece, Copy) else bytes(piece)  # type: ignore[arg-type]
        for piece in pieces
    )
    return made, found.losses


def with_blobs(net: Any) -> Any:
    """Give every layer a blob of its own."""
    holders = [old.layer if old.HasField("layer") else old for old in net.layers]
    for i, holder in enumerate((*holders, *net.layer)):
        blob = holder.blobs.add(num=1, channels=1, height=1, width=3)
        blob.data.extend([i, 0.5, -1.0])
    return net


def test_a_model_becomes_what_its_text_becomes(fixtures: Path) -> None:
    """The 1,200 old files as caffemodels, against the rules restated in caffes_own."""
    done = refused = 0
    with gzip.open(fixtures / "oracle" / "upgrade-bvlc.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            if row["kind"] == "solver" or "Failed to parse" in row.get("message", ""):
                continue
            net = with_blobs(text_format.Parse(row["text"], NET()))
            data = net.SerializeToString()
            if not (net.layer or net.layers):
                continue
            try:
                wanted = upgrade_net(net)
            except RefusedError:
                with pytest.raises(InputError):
                    upgraded(data)
                refused += 1
                continue
            made, _ = upgraded(data)
            found = NET()
            found.ParseFromString(made)
            assert found == wanted, row["name"]
            assert upgraded(made)[0] == made, row["name"]
            done += 1
    assert (done, refused) == (883, 161)


def test_what_is_dropped_is_named() -> None:
    net = text_format.Parse(
        'input_shape { dim: 1 } layers { layer { name: "r" type: "relu" pad: 2 } top: "a"'
        ' include { phase: TEST } } layer { name: "x" }',
        NET(),
    )
    _, losses = upgraded(net.SerializeToString())
    assert sorted(losses) == [
        "include of layer 'r'",
        "input_shape of the net",
        "layer 'x' of today, beside old ones",
        "pad of layer 'r'",
    ]


def test_packed_values_are_read_too() -> None:
    packed = b"\x12\x0c" + b"\x28\x04" + b"\x3a\x08" + b"\0\0\x80?" + b"\0\0\0@"
    made, _ = upgraded(packed)
    net = NET()
    net.ParseFromString(made)
    assert net.layer[0].type == "Convolution"
    assert [param.lr_mult for param in net.layer[0].param] == [1, 2]
