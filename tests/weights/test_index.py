from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.errors import InputError
from protolint.source import Span
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped
from protolint.weights.index import Generation, ModelIndex, index_file, index_model, shown
from protolint.wire import LENGTH, encode_varint, length_delimited, tag, varint_field

names = st.text(st.characters(codec="utf-8"), max_size=6)
floats = st.lists(st.floats(width=32, allow_nan=False), max_size=5)
blobs = st.builds(
    lambda data, dims, legacy: {"data": data, "shape": {"dim": dims}, **legacy},
    floats,
    st.lists(st.integers(0, 9), max_size=4),
    st.sampled_from([{}, {"num": 1, "channels": 2}, {"width": 3}]),
)
rules = st.lists(st.builds(lambda s: {"phase": 1, "stage": s}, st.lists(names, max_size=2)))
layers = st.fixed_dictionaries(
    {"name": names, "type": names},
    optional={
        "bottom": st.lists(names, max_size=3),
        "top": st.lists(names, max_size=3),
        "blobs": st.lists(blobs, max_size=3),
        "param": st.lists(st.just({"lr_mult": 0.5}), max_size=3),
        "include": rules,
        "exclude": rules,
        "phase": st.integers(0, 1),
        "batch_norm_param": st.just({"eps": 0.5}),
        "forward_type": st.integers(0, 5),
    },
)
v1_layers = st.fixed_dictionaries(
    {"name": names, "type": st.sampled_from([4, 14, 18])},
    optional={"bottom": st.lists(names, max_size=3), "blobs": st.lists(blobs, max_size=3)},
)
nets = st.fixed_dictionaries(
    {"name": names, "layer": st.lists(layers, max_size=4), "layers": st.lists(v1_layers)},
    optional={"input": st.lists(names, max_size=2), "debug_info": st.booleans()},
)


def small_net(caffe: Any) -> bytes:
    """Two layers with blobs, as bytes."""
    net = caffe.NetParameter(name="small")
    for name in ("conv", "norm"):
        layer = net.layer.add(name=name, type="BatchNorm", bottom=["a"], top=["a"], phase=1)
        layer.param.add(lr_mult=0)
        layer.blobs.add(data=[1.0, 2.0, 3.0]).shape.dim.extend([3])
        layer.batch_norm_param.eps = 0.1
    data: bytes = net.SerializeToString()
    return data


def same_blob(header: Any, blob: Any) -> bool:
    """Whether a header says what protobuf parsed."""
    old = ("num", "channels", "height", "width")
    legacy = any(blob.HasField(field) for field in old)
    shape = tuple(getattr(blob, field) for field in old) if legacy else tuple(blob.shape.dim)
    return bool(header.shape == shape and header.legacy == legacy) and header.stored == len(
        blob.data
    )


@settings(deadline=None)
@given(net=nets)
def test_the_index_is_what_protobuf_parses(caffe: Any, net: dict[str, Any]) -> None:
    message = caffe.NetParameter(**net)
    data = message.SerializeToString()
    index = index_model("net", data)
    assert (index.name, index.size, index.end) == (message.name, len(data), len(data))
    current = [layer for layer in index.layers if layer.generation is Generation.CURRENT]
    old = [layer for layer in index.layers if layer.generation is Generation.V1]
    assert [layer.position for layer in index.layers] == list(range(len(index.layers)))
    for entry, layer in zip(current, message.layer, strict=True):
        assert (entry.name, entry.type) == (layer.name, layer.type)
        assert (list(entry.bottoms), list(entry.tops)) == (list(layer.bottom), list(layer.top))
        assert entry.phase == (layer.phase if layer.HasField("phase") else None)
        assert data[slice(*entry.payload)] == layer.SerializeToString()
        assert data[slice(*entry.field)] == length_delimited(100, data[slice(*entry.payload)])
        for spans, messages in (
            (entry.params, layer.param),
            (entry.batch_norm_params, [layer.batch_norm_param]),
        ):
            parsed = [data[slice(*span)] for span in spans]
            if messages != [layer.batch_norm_param] or layer.HasField("batch_norm_param"):
                assert parsed == [part.SerializeToString() for part in messages]
        assert [data[slice(*blob.payload)] for blob in entry.blobs] == [
            blob.SerializeToString() for blob in layer.blobs
        ]
        assert all(map(same_blob, entry.blobs, layer.blobs))
    for entry, layer in zip(old, message.layers, strict=True):
        type_ = {4: "Convolution", 14: "InnerProduct", 18: "ReLU"}[layer.type]
        assert (entry.name, entry.type) == (layer.name, type_)
        assert list(entry.bottoms) == list(layer.bottom)
        assert all(map(same_blob, entry.blobs, layer.blobs))
    others = [found.number for found in index.others]
    assert others == [1] + [3] * len(message.input) + [7] * message.HasField("debug_info")


def test_a_v0_layer_is_found_inside_a_v1_layer(caffe: Any) -> None:
    net = caffe.NetParameter()
    outer = net.layers.add(bottom=["data"], top=["conv1"])
    outer.layer.name, outer.layer.type, outer.layer.num_output = "conv1", "conv", 2
    outer.layer.blobs.add(num=1, channels=1, height=1, width=2, data=[1.0, 2.0])
    entry = index_model("net", net.SerializeToString()).layers[0]
    assert (entry.generation, entry.name, entry.type) == (Generation.V0, "conv1", "conv")
    assert (entry.bottoms, entry.tops) == (("data",), ("conv1",))
    assert [blob.shape for blob in entry.blobs] == [(1, 1, 1, 2)]
    assert [found.number for found in entry.inner] == [1, 2, 3, 50]


def test_fields_given_twice_are_read_as_protobuf_merges_them(caffe: Any) -> None:
    norm = caffe.BatchNormParameter(eps=0.5).SerializeToString()
    payload = length_delimited(1, b"first") + length_delimited(139, norm) * 2
    payload += length_delimited(1, b"last") + varint_field(10, 0) + varint_field(10, 1)
    entry = index_model("net", length_delimited(100, payload)).layers[0]
    assert (entry.name, entry.phase, len(entry.batch_norm_params)) == ("last", 1, 2)
    assert len(entry.messages(139)) == 2


def test_layers_of_one_name_are_all_listed(caffe: Any) -> None:
    net = caffe.NetParameter()
    for type_ in ("Data", "Input", "ReLU"):
        net.layer.add(name="data" if type_ != "ReLU" else "act", type=type_)
    index = index_model("net", net.SerializeToString())
    assert [layer.type for layer in index.named("data")] == ["Data", "Input"]


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    entry = index_model("net", length_delimited(100, length_delimited(1, b"a\xff"))).layers[0]
    assert entry.name.encode("utf-8", "surrogateescape") == b"a\xff"
    assert shown(entry.name) == "a\\xff"


def test_zero_bytes_after_the_end_are_accepted(caffe: Any) -> None:
    data = small_net(caffe)
    index = index_model("net", data + bytes(2_000_000))
    assert (index.end, index.size, len(index.layers)) == (len(data), len(data) + 2_000_000, 2)


def test_anything_else_after_a_zero_byte_is_refused(caffe: Any) -> None:
    data = small_net(caffe)
    with pytest.raises(InputError, match=f"byte {len(data) + 3} .after layer 1 'norm'.: data"):
        index_model("net", data + b"\0\0\0x")


def test_an_empty_file_has_no_layers(tmp_path: Path) -> None:
    path = tmp_path / "empty.caffemodel"
    path.touch()
    index = index_file(str(path))
    assert (index.layers, index.size) == ((), 0)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5", id="hdf5"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull", id="lfs"),
        pytest.param(b"\x1f\x8b\x08\0", "gzip", id="gzip"),
        pytest.param(b"PK\x03\x04\x14\0", "zip", id="zip"),
        pytest.param(b"<!DOCTYPE html>", "web page", id="html"),
        pytest.param(b'name: "net"\nlayer {\n', "prototxt", id="prototxt"),
        pytest.param(b"\x08\xe8\x07\x12\x03abc", "solverstate", id="solverstate"),
    ],
)
def test_other_files_are_recognised(head: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        index_model("net", head)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        pytest.param(varint_field(1, 5), "name has wire type 0", id="name"),
        pytest.param(varint_field(7, 5), "blob has wire type 0", id="blob"),
        pytest.param(varint_field(6, 5), "param has wire type 0", id="param"),
        pytest.param(length_delimited(6, b"\x1d\0"), "needs 3 bytes more", id="inside param"),
        pytest.param(length_delimited(139, b"\x80"), "middle of a varint", id="inside norm"),
        pytest.param(length_delimited(7, b"\x2a\x09ab"), "blob 0", id="inside a blob"),
        pytest.param(length_delimited(7, b"\x2a\x03abc"), "no whole number", id="packed"),
        pytest.param(
            length_delimited(7, length_delimited(7, length_delimited(1, b"\1" * 33))),
            "more than 32 axes",
            id="axes",
        ),
    ],
)
def test_damage_inside_a_layer_names_it(field: bytes, message: str) -> None:
    good = length_delimited(100, length_delimited(1, b"first"))
    bad = length_delimited(100, length_delimited(1, b"second") + field)
    with pytest.raises(InputError, match=message) as caught:
        index_model("net.caffemodel", good + bad)
    text = str(caught.value)
    assert text.startswith("net.caffemodel: byte ")
    assert "layer 1" in text
    assert "1 layer before it can be read" in text


def test_a_number_as_the_type_of_a_v1_layer_is_needed() -> None:
    with pytest.raises(InputError, match="its type is no number"):
        index_model("net", length_delimited(2, length_delimited(5, b"CONVOLUTION")))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(length_delimited(100, b"") * 101, id="layers"),
        pytest.param(length_delimited(100, varint_field(99, 1) * 991), id="fields"),
        pytest.param(varint_field(7, 1) * 1001, id="outside"),
    ],
)
def test_memory_does_not_grow_with_a_hostile_file(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolint.weights.index._MOST_FIELDS", 1000)
    with pytest.raises(InputError, match="more than 1000 fields"):
        index_model("net", data)


def test_values_in_countless_pieces_are_refused() -> None:
    piece = length_delimited(5, b"1234")
    with pytest.raises(InputError, match="more than 10000 pieces"):
        index_model("net", length_delimited(100, length_delimited(7, piece * 10_001)))


def test_a_cut_file_names_the_layer_it_ends_in(caffe: Any) -> None:
    data = small_net(caffe)
    with pytest.raises(InputError, match=r"\(layer 1 'norm'\): field 100 needs 3 bytes more"):
        index_model("net", data[:-3])


def test_a_file_cut_anywhere_is_read_or_refused(caffe: Any) -> None:
    data = small_net(caffe)
    whole = []
    for size in range(len(data)):
        try:
            index_model("net", data[:size])
        except InputError:
            continue
        whole.append(size)
    starts = [found.start for found in index_model("net", data).others]
    starts += [layer.field.start for layer in index_model("net", data).layers]
    assert whole == sorted(starts)


@settings(deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 7)), min_size=1))
def test_flipped_bits_never_give_another_exception(
    caffe: Any, flips: list[tuple[int, int]]
) -> None:
    damaged = bytearray(small_net(caffe))
    for byte, bit in flips:
        damaged[byte % len(damaged)] ^= 1 << bit
    read_all(bytes(damaged))


@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_never_give_another_exception(data: bytes) -> None:
    read_all(data)
    read_all(length_delimited(100, length_delimited(7, data)))


def read_all(data: bytes) -> None:
    """Index a file and decode every blob, allowing nothing but InputError."""
    try:
        index: ModelIndex = index_model("net", data)
        for layer in index.layers:
            for blob in layer.blobs:
                decode_blob(data, blob, path="net", place=layer.name)
    except InputError:
        pass


def test_a_file_over_2_gib_is_indexed_without_reading_it(tmp_path: Path) -> None:
    size = 5 << 30
    blob_head = length_delimited(7, length_delimited(1, encode_varint(1)))
    blob = blob_head + tag(12, LENGTH) + encode_varint(size)
    layer = length_delimited(1, b"big") + tag(7, LENGTH) + encode_varint(len(blob) + size)
    head = tag(100, LENGTH) + encode_varint(len(layer) + len(blob) + size) + layer + blob
    tail = length_delimited(100, length_delimited(1, b"after"))
    path = tmp_path / "big.caffemodel"
    with path.open("wb") as file:
        file.write(head)
        file.seek(size, os.SEEK_CUR)
        file.write(tail)
    index = index_file(str(path))
    assert [layer.name for layer in index.layers] == ["big", "after"]
    assert index.layers[0].blobs[0].raw_data == Span(len(head), len(head) + size)
    assert index.layers[1].field == Span(len(head) + size, index.size)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, message in (
        (fifo, "not a regular file"),
        (tmp_path, "directory"),
        (tmp_path / "none", "No such file"),
        (Path("/dev/zero"), "not a regular file"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            index_file(str(path))
        assert str(caught.value).startswith(f"{path}: ")


def test_the_state_tells_one_file_from_another(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_bytes(length_delimited(1, b"net"))
    with mapped(str(path)) as (data, state):
        assert data[:] == path.read_bytes()
    assert index_file(str(path)).state == state
    path.write_bytes(length_delimited(1, b"other"))
    assert index_file(str(path)).state != state
