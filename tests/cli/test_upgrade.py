"""`protolint upgrade` as a user meets it."""

from __future__ import annotations

from pathlib import Path

from protolint.weights.index import Generation, index_file

from .command import run, write

V1 = 'layers { name: "r" type: RELU bottom: "a" top: "a" }  # one\n'
V2 = 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" }  # one\n'
MIXED = V1 + 'layer { name: "x" }\n'
LOST = 'layers { layer { name: "r" type: "relu" pad: 1 } top: "a" }\n'
#: NetParameter { layers { name: "r" type: RELU blobs { data: 1 } blobs_lr: 2 } }.
MODEL = bytes.fromhex("1213 22 01 72 28 12 3207 2d0000803f 0800 3d00000040")


def test_one_text_goes_to_standard_output(tmp_path: Path) -> None:
    done = run("upgrade", write(tmp_path, "net.prototxt", V1))
    assert (done.returncode, done.stdout, done.stderr) == (0, V2, "")
    done = run("upgrade", "-", stdin=V1.encode())
    assert (done.returncode, done.stdout) == (0, V2)


def test_many_files_are_done_one_by_one(tmp_path: Path) -> None:
    good, bad = write(tmp_path, "a.prototxt", V1), write(tmp_path, "b.prototxt", MIXED)
    solver = write(tmp_path, "s.prototxt", 'net: "a.prototxt"\nsolver_type: ADAM\n')
    done = run("upgrade", "--in-place", good, bad, solver)
    assert done.returncode == 2
    assert f"{bad}: line 2, column 1: the net has `layers` and `layer`" in done.stderr
    assert good.read_text() == V2
    assert bad.read_text() == MIXED
    assert solver.read_text() == 'net: "a.prototxt"\ntype: "Adam"\n'
    assert run("upgrade", "--check", good, solver).returncode == 0


def test_what_is_dropped_is_said(tmp_path: Path) -> None:
    net = write(tmp_path, "net.prototxt", LOST)
    done = run("upgrade", "--check", net)
    assert done.returncode == 1
    assert "line 1: pad means nothing to a layer of type 'relu'; it is dropped" in done.stderr


def test_weights_are_upgraded_too(tmp_path: Path) -> None:
    model = write(tmp_path, "m.caffemodel", MODEL)
    assert run("upgrade", model).returncode == 2
    new = tmp_path / "new.caffemodel"
    done = run("upgrade", model, "-o", new)
    assert done.returncode == 0, done.stderr
    (layer,) = index_file(str(new)).layers
    assert (layer.generation, layer.name, layer.type) == (Generation.CURRENT, "r", "ReLU")
    assert model.read_bytes() == MODEL
    assert run("upgrade", "--check", new).returncode == 0
    assert run("upgrade", "--in-place", model).returncode == 0
    assert model.read_bytes() == new.read_bytes()


def test_files_without_generations_stay(tmp_path: Path) -> None:
    state = write(tmp_path, "a.solverstate", b"\x08\x05")
    before = state.read_bytes()
    done = run("upgrade", "--in-place", state)
    assert done.returncode == 0
    assert "has no older generation" in done.stderr
    assert state.read_bytes() == before


def test_what_is_no_net(tmp_path: Path) -> None:
    done = run("upgrade", write(tmp_path, "labels.prototxt", 'item { name: "cat" }\n'))
    assert done.returncode == 2
    assert "neither a net nor a solver" in done.stderr
