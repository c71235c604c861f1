"""The figures of a layer, against NumPy on the values that the frameworks themselves held."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from protolint.batchnorm.numbers import Numbers
from protolint.stats.reading import Reading, read_snapshots
from protolint.stats.summary import summary_of
from protolint.weights.kinds import FileKind

#: Where each golden folder keeps gamma, beta, mean and variance; the factor multiplies the latter.
ORDERS = {
    "bvlc-master-9b89154": (None, None, 0, 1, 2),
    "nvcaffe-0.15.14": (0, 1, 2, 3, None),
    "nvcaffe-0.17.4": (3, 4, 0, 1, None),
}


def numbers(variance: list[float], gamma: list[float] | None = None) -> Numbers:
    """A layer of these variances; mean 0, gamma 1, beta 0, eps 1e-5."""
    values = np.array(variance, np.float64)
    zero = np.zeros_like(values)
    scale = zero + 1 if gamma is None else np.array(gamma, np.float64)
    return Numbers("bn", "B3", zero, values, scale, zero, 1e-5)


@pytest.mark.parametrize("folder", ORDERS)
def test_the_figures_are_those_of_what_the_framework_held(folder: str, fixtures: Path) -> None:
    path = fixtures / "golden" / folder / "brook.caffemodel"
    held = json.loads(path.with_suffix(".meta.json").read_text("utf-8"))["batchnorm"]
    snapshot = read_snapshots([str(path)])[0][0]
    gamma_at, beta_at, mean_at, variance_at, factor_at = ORDERS[folder]
    for layer in snapshot.layers:
        blobs = [np.array(held[layer.name]["blobs"][str(i)]).reshape(-1) for i in range(3)]
        if factor_at is None:
            blobs += [np.array(held[layer.name]["blobs"][str(i)]).reshape(-1) for i in (3, 4)]
        factor = blobs[factor_at][0] if factor_at is not None else 1.0
        mean, variance = blobs[mean_at] / factor, blobs[variance_at] / factor
        found = summary_of(layer)
        np.testing.assert_allclose(found.mean, spread(mean), rtol=1e-6)
        np.testing.assert_allclose(found.variance, spread(variance), rtol=1e-6)
        share = layer.eps / (variance + layer.eps)
        np.testing.assert_allclose(found.eps_share, share.mean(), rtol=1e-6)
        if gamma_at is not None and beta_at is not None:
            gain = blobs[gamma_at] / np.sqrt(variance + layer.eps)
            np.testing.assert_allclose(found.gain, spread(gain), rtol=1e-6)
            np.testing.assert_allclose(found.beta, spread(blobs[beta_at]), rtol=1e-6)
        assert (found.dead, found.near_zero, found.non_finite) == (0, 0, 0)


def spread(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, ...]:
    return float(values.min()), float(np.median(values)), float(values.max())


def test_the_scale_that_follows_counts_as_gamma_of_the_layer(fixtures: Path) -> None:
    folders = [fixtures / "golden" / name / "brook.caffemodel" for name in ORDERS]
    own = [read_snapshots([str(path)])[0][0].layers for path in folders]
    for layers in zip(*own, strict=True):
        for layer in layers[1:]:
            np.testing.assert_array_equal(layer.gamma, layers[0].gamma)
        assert all(layer.affine for layer in layers)


def test_every_kind_of_small_variance_is_counted_once_and_in_those_that_hold_it() -> None:
    found = summary_of(numbers([0.0, 5.6e-45, 1e-39, 1e-12, 1e-6, 0.5, -1e-6]))
    assert (found.zero, found.denormal, found.near_zero, found.dead) == (1, 2, 4, 5)
    assert found.negative == 1


def test_channels_without_a_value_are_left_out_and_counted() -> None:
    found = summary_of(numbers([1.0, float("nan"), 4.0, float("inf")], gamma=[1, 1, 0, 1]))
    assert found.non_finite == 2
    assert found.variance == (1.0, 2.5, 4.0)
    assert found.zero_gamma == 1


def test_a_layer_with_no_finite_value_has_no_figures() -> None:
    found = summary_of(numbers([float("nan")] * 3))
    assert all(np.isnan(value) for value in (*found.variance, *found.gain, found.eps_share))
    assert found.non_finite == 3


def test_half_precision_and_hdf5_are_read_like_the_rest(fixtures: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    folder = fixtures / "golden" / "nvcaffe-0.17.4"
    whole, half = (
        read_snapshots([str(folder / name)])[0][0]
        for name in ("brook.caffemodel", "brook_half.caffemodel")
    )
    for a, b in zip(whole.layers, half.layers, strict=True):
        np.testing.assert_allclose(a.variance, b.variance, rtol=2e-3)
        np.testing.assert_array_equal(b.gamma, b.gamma.astype(np.float16))
    path = tmp_path / "brook.caffemodel.h5"
    with h5py.File(path, "w") as file:
        for layer in whole.layers:
            for i, values in enumerate(
                (layer.mean, layer.variance, np.ones(1), layer.gamma, layer.beta)
            ):
                file[f"data/{layer.name}/{i}"] = values.astype(np.float32)
    stored = read_snapshots([str(path)])[0][0]
    assert stored.kind is FileKind.MODEL_HDF5
    for a, b in zip(whole.layers, stored.layers, strict=True):
        np.testing.assert_array_equal(a.variance, b.variance)


def test_a_prototxt_gives_its_eps(fixtures: Path) -> None:
    from protolint.batchnorm.in_net import layers_in_net
    from protolint.workspace.workspace import Workspace

    folder = fixtures / "stats"
    text = (folder / "tide.prototxt").read_text("utf-8")
    net = Workspace().net(str(folder / "tide.prototxt"))
    assert "eps" not in text
    path = str(folder / "tide_iter_1000.caffemodel")
    known = {
        name: k._replace(norm=k.norm._replace(eps=0.25)) for name, k in layers_in_net(net).items()
    }
    snapshot = read_snapshots([path], Reading(known))[0][0]
    assert {layer.eps for layer in snapshot.layers} == {0.25}
