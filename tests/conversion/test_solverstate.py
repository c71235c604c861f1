"""Solver states: history in the order of the new net, for every solver type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.caffe.descriptors import load_schema
from protolint.conversion.run import convert
from protolint.errors import InputError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "golden"
C = 3
#: The learnable blobs of the net below, by layer and role, as BVLC orders them.
BVLC = [
    ("conv", "0", (C, 2, 1, 1)),
    ("bn", "mean", (C,)),
    ("bn", "variance", (C,)),
    ("bn", "factor", (1,)),
    ("sc", "gamma", (C,)),
    ("sc", "beta", (C,)),
    ("ip", "0", (4, C)),
    ("ip", "1", (4,)),
]


def message(name: str, dialect: str = "bvlc") -> Any:
    return load_schema(dialect).message_class(name)()


def put(blob: Any, values: np.ndarray, *, raw: bool = False) -> None:
    blob.shape.dim.extend(values.shape)
    if raw:
        blob.raw_data_type = 1
        blob.raw_data = values.astype("<f4").tobytes()
    else:
        blob.data.extend(values.ravel().tolist())


def model(path: Path, *, dialect: str = "bvlc", raw: bool = False) -> None:
    """A net of a convolution, BatchNorm and Scale, and an inner product."""
    net = message("NetParameter", dialect)
    rng = np.random.default_rng(1)
    stats = [rng.standard_normal(C) * 5, rng.random(C) * 5 + 1, np.array([5.0])]
    affine = [rng.standard_normal(C), rng.standard_normal(C)]
    if dialect == "nvidia-0.17":
        stats[2][0] = 1
        layers = [("bn", "BatchNorm", [*stats, *affine])]
    else:
        layers = [("bn", "BatchNorm", stats), ("sc", "Scale", affine)]
    layers.insert(0, ("conv", "Convolution", [rng.standard_normal((C, 2, 1, 1))]))
    layers.append(("ip", "InnerProduct", [rng.standard_normal((4, C)), rng.standard_normal(4)]))
    for name, kind, blobs in layers:
        layer = net.layer.add(name=name, type=kind, bottom=["x"], top=["x"])
        if kind == "BatchNorm" and dialect == "nvidia-0.17":
            layer.batch_norm_param.scale_bias = True
        if kind == "Scale":
            layer.scale_param.bias_term = True
        for values in blobs:
            put(layer.blobs.add(), values, raw=raw)
    path.write_bytes(net.SerializeToString())


def state(path: Path, shapes: list[tuple[int, ...]], *, rounds: int = 1, raw: bool = False) -> None:
    """A solver state whose history blobs are all different: blob i holds i + 1."""
    dialect = "nvidia-0.17" if raw else "bvlc"
    found = message("SolverState", dialect)
    found.iter, found.current_step, found.learned_net = 60, 2, "snapshots/net.caffemodel"
    for i in range(rounds * len(shapes)):
        put(found.history.add(), np.full(shapes[i % len(shapes)], i + 1.0), raw=raw)
    path.write_bytes(found.SerializeToString())


def history(path: Path, dialect: str) -> list[tuple[tuple[int, ...], float]]:
    """Shape and value of each history blob; each holds one value throughout."""
    found = message("SolverState", dialect)
    found.ParseFromString(path.read_bytes())
    result = []
    for blob in found.history:
        values = np.array(blob.data)
        if dialect == "nvidia-0.17" and blob.HasField("raw_data"):
            values = np.frombuffer(blob.raw_data, "<f4")
        assert len(set(values.tolist())) == 1
        result.append((tuple(blob.shape.dim), float(values[0])))
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model(tmp_path / "net.caffemodel")
    return tmp_path


def run(folder: Path, to: str, **more: Any) -> Path:
    inputs = [folder / "net.caffemodel", folder / "net.solverstate"]
    convert(*inputs, to=to, output=f"{folder}/out/", **more)
    return folder / "out" / "net.solverstate"


SHAPES = [shape for _, _, shape in BVLC]


@pytest.mark.parametrize("rounds", [1, 2], ids=["SGD-and-its-kin", "AdaDelta-and-Adam"])
def test_the_order_of_015_and_back(folder: Path, rounds: int) -> None:
    state(folder / "net.solverstate", SHAPES, rounds=rounds)
    there = run(folder, "nvidia-0.15", engine="caffe")
    wanted = []
    for i in range(rounds):
        # conv, gamma, beta, mean, variance, the unused blob, inner product
        first = 8 * i
        order = [(0, 1), (4, 5), (5, 6), (1, 2), (2, 3), (3, 0), (6, 7), (7, 8)]
        wanted += [
            (SHAPES[shape], float(first + value) if value else 0.0) for shape, value in order
        ]
    assert history(there, "bvlc") == wanted
    out = folder / "out"
    convert(out / "net.caffemodel", there, to="bvlc", output=f"{folder}/back/")
    back = history(folder / "back" / "net.solverstate", "bvlc")
    for i, (shape, value) in enumerate(back):
        # The unused blob of 0.15 has no history, so the factor's is gone.
        assert (shape, value) == (SHAPES[i % 8], 0.0 if i % 8 == 3 else i + 1.0)


def test_017_needs_no_reordering(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    there = run(folder, "nvidia-0.17")
    assert history(there, "bvlc") == [(shape, i + 1.0) for i, shape in enumerate(SHAPES)]


def test_the_shapes_of_cudnn(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    there = run(folder, "nvidia-0.15", engine="cudnn")
    shapes = [shape for shape, _ in history(there, "bvlc")]
    assert shapes[1:6] == [(1, C, 1, 1)] * 4 + [(1, 1, 1, 1)]


def test_a_convolution_has_the_history_of_the_scale_layer(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    there = run(folder, "nvidia-0.14", engine="caffe", scale_as="convolution")
    wanted = [(shape, i + 1.0) for i, shape in enumerate(SHAPES)]
    wanted[4] = ((C, 1, 1, 1), wanted[4][1])
    assert history(there, "bvlc") == wanted
    out = folder / "out"
    convert(out / "net.caffemodel", there, to="bvlc", output=f"{folder}/back/")
    back = history(folder / "back" / "net.solverstate", "bvlc")
    assert back == [(shape, i + 1.0) for i, shape in enumerate(SHAPES)]


def test_everything_else_is_kept_and_the_model_is_the_new_one(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    there = run(folder, "nvidia-0.17")
    found = message("SolverState", "nvidia-0.17")
    found.ParseFromString(there.read_bytes())
    assert (found.iter, found.current_step) == (60, 2)
    assert found.learned_net == f"{folder}/out/net.caffemodel"


def test_raw_history_becomes_what_bvlc_reads(tmp_path: Path) -> None:
    model(tmp_path / "net.caffemodel", dialect="nvidia-0.17", raw=True)
    state(tmp_path / "net.solverstate", SHAPES, raw=True)
    assert len(history(tmp_path / "net.solverstate", "nvidia-0.17")) == 8
    there = run(tmp_path, "bvlc")
    assert history(there, "bvlc") == [(shape, i + 1.0) for i, shape in enumerate(SHAPES)]


def test_a_shared_blob_has_one_history(tmp_path: Path) -> None:
    net = message("NetParameter")
    for name in ("a", "b"):
        layer = net.layer.add(name=name, type="InnerProduct", bottom=["x"], top=["x"])
        layer.param.add(name="same")
        put(layer.blobs.add(), np.ones((2, 2)))
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    state(tmp_path / "net.solverstate", [(2, 2)])
    assert history(run(tmp_path, "nvidia-0.17"), "bvlc") == [((2, 2), 1.0)]


def affine_net(path: Path, *norm: Any, scale: Any = None, **param: Any) -> None:
    """A BatchNorm of some blobs, and a Scale layer behind it with one or two."""
    net = message("NetParameter", "nvidia-0.17")
    layer = net.layer.add(name="bn", type="BatchNorm", bottom=["x"], top=["x"])
    for values in norm:
        put(layer.blobs.add(), np.asarray(values, np.float32))
    if scale is not None:
        layer = net.layer.add(name="sc", type="Scale", bottom=["x"], top=["x"])
        layer.scale_param.bias_term = len(scale) > 1
        for values in scale:
            put(layer.blobs.add(), np.asarray(values, np.float32))
    path.write_bytes(net.SerializeToString())


def test_a_scale_layer_without_a_beta_comes_back_without_one(tmp_path: Path) -> None:
    affine_net(tmp_path / "net.caffemodel", [1, 2, 3], [4, 5, 6], [7], scale=[[2, 2, 3]])
    shapes: list[tuple[int, ...]] = [(C,), (C,), (1,), (C,)]
    state(tmp_path / "net.solverstate", shapes)
    there = run(tmp_path, "nvidia-0.15", engine="caffe")
    # gamma, a beta that is new, mean, variance, the unused blob
    assert [value for _, value in history(there, "bvlc")] == [4, 0, 1, 2, 0]
    out = tmp_path / "out"
    convert(out / "net.caffemodel", there, to="bvlc", output=f"{tmp_path}/back/")
    back = history(tmp_path / "back" / "net.solverstate", "bvlc")
    assert back == list(zip(shapes, [1, 2, 0, 4], strict=True))


@pytest.mark.parametrize("gamma", [1, 2])
def test_gamma_and_beta_that_go_into_a_scale_layer(gamma: int, tmp_path: Path) -> None:
    """It gets a beta for which there is no history; that of a gamma that changes is gone."""
    norm = ([gamma] * C, [1, 0, 1], [1, 2, 3], [4, 5, 6], [0])
    affine_net(tmp_path / "net.caffemodel", *norm, scale=[[2, 2, 3]])
    shapes: list[tuple[int, ...]] = [(C,), (C,), (C,), (C,), (1,), (C,)]
    state(tmp_path / "net.solverstate", shapes)
    there = run(tmp_path, "bvlc", source="nvidia-0.15")
    # mean, variance, factor, gamma, beta
    assert history(there, "bvlc") == [
        ((C,), 3), ((C,), 4), ((1,), 0), ((C,), 6 if gamma == 1 else 0), ((C,), 0)
    ]  # fmt: skip
    made = message("NetParameter")
    made.ParseFromString((tmp_path / "out" / "net.caffemodel").read_bytes())
    assert [list(blob.data) for blob in made.layer[1].blobs] == [
        [2 * gamma, 2 * gamma, 3 * gamma], [2, 0, 3]
    ]  # fmt: skip


def test_another_nets_state_is_refused(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES[:5])
    with pytest.raises(InputError, match="5 history blobs for the 8 learnable blobs"):
        run(folder, "nvidia-0.17")
    assert not (folder / "out").exists()


def test_a_state_without_its_model_is_refused(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    with pytest.raises(InputError, match=r"give net\.caffemodel too"):
        convert(folder / "net.solverstate", to="nvidia-0.17")


def test_a_state_that_is_cut_short_is_refused(folder: Path) -> None:
    state(folder / "net.solverstate", SHAPES)
    content = (folder / "net.solverstate").read_bytes()
    (folder / "net.solverstate").write_bytes(content[:-5])
    with pytest.raises(InputError, match=r"byte \d+"):
        run(folder, "nvidia-0.17")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the whole golden set is not here")
@pytest.mark.parametrize(
    "folder_name", ["bvlc-master-9b89154", "nvcaffe-0.15.14", "nvcaffe-0.17.4"]
)
def test_states_of_real_runs_go_everywhere_and_back(folder_name: str, tmp_path: Path) -> None:
    source = SHARED / folder_name
    files = [source / f"brook_solved_iter_6.{kind}" for kind in ("caffemodel", "solverstate")]
    dialect = "nvidia-0.17" if "0.17" in folder_name else "bvlc"
    home = {"bvlc-master-9b89154": "bvlc", "nvcaffe-0.15.14": "nvidia-0.15"}.get(
        folder_name, "nvidia-0.17"
    )
    engine = "caffe" if home == "nvidia-0.15" else None
    values = numbers(files[1], dialect)
    for target in ("bvlc", "nvidia-0.15", "nvidia-0.17"):
        there = tmp_path / target
        convert(*files, to=target, output=f"{there}/")
        made = [there / path.name for path in files]
        back = tmp_path / f"{target}-back"
        convert(*made, to=home, engine=engine, output=f"{back}/", bn_stat="variance")
        after = numbers(back / files[1].name, "nvidia-0.17")
        assert len(after) == len(values)
        for given, kept in zip(values, after, strict=True):
            assert given.shape == kept.shape
            assert np.array_equal(given, kept)


def numbers(path: Path, dialect: str) -> list[np.ndarray]:
    found = message("SolverState", dialect)
    found.ParseFromString(path.read_bytes())
    result = []
    for blob in found.history:
        values = np.array(blob.data, np.float32)
        if not len(values) and dialect == "nvidia-0.17":
            values = np.frombuffer(blob.raw_data, "<f4")
        result.append(values.reshape(tuple(blob.shape.dim)))
    return result
