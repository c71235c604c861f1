"""Write fixtures/stats: snapshots of small nets, the numbers of which are all made here.

    epoch_300, epoch_700, epoch_1015 (.safetensors, the last also as a .pt checkpoint)
        What the thread "Batch norm instability" reports of its three snapshots: the lowest
        variance and the mean variance of the last BatchNorm, and how far the first moved from
        epoch 300 to 700 (2.7 times at most, 1.5 in the median). The rest is made up to fit.
    tide_iter_1000 to tide_iter_4000 (.caffemodel, BVLC's sums) and tide.prototxt
        A net that settles, with one snapshot that does not belong: the third.

The .pt is written where torch is installed; the others need safetensors.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited

HERE = Path(__file__).resolve().parent.parent / "fixtures" / "stats"
Array = NDArray[np.float32]

#: Epoch: lowest and mean variance of the last BatchNorm.
THREAD = {300: (4.8e-34, 0.069), 700: (5.6e-45, 0.024), 1015: (5.6e-45, 0.017)}
#: Batches of an epoch; the thread does not say.
BATCHES = 250
FIRST, MIDDLE, LAST = 16, 24, 32


def ratios(rng: np.random.Generator, size: int, median: float, most: float) -> Array:
    """Ratios of at most `most`, up or down, whose sizes have this median."""
    logs = np.linspace(0.0, 2.0, size)
    logs = np.interp(logs, [0, 1, 2], [0.05, np.log(median), np.log(most)])
    signs = np.where(rng.random(size) < 0.3, -1, 1)
    return np.asarray(np.exp(rng.permutation(logs) * signs), np.float32)


def thread() -> dict[int, dict[str, Array]]:
    """Return the tensors of the three snapshots."""
    rng = np.random.default_rng(32159)
    first = rng.lognormal(-1.2, 0.6, FIRST).astype(np.float32)
    middle = rng.lognormal(-2.0, 0.5, MIDDLE).astype(np.float32)
    spread = rng.lognormal(0.0, 0.7, LAST)
    dead = np.array([5, 18, 19])
    means = {size: rng.normal(0, 0.3, size) for size in (FIRST, MIDDLE, LAST)}
    found: dict[int, dict[str, Array]] = {}
    for i, (epoch, (lowest, mean)) in enumerate(THREAD.items()):
        if i:
            median, most = ((1.5, 2.7), (1.2, 1.9))[i - 1]
            first = first * ratios(rng, FIRST, median, most)
            middle = middle * ratios(rng, MIDDLE, 1.3, 2.2)
        last = spread * rng.lognormal(0, 0.1, LAST)
        last[dead] = 0
        last = (last * mean * LAST / last.sum()).astype(np.float32)
        last[dead] = np.array([1.0, 8.0, 64.0]) * lowest
        tensors: dict[str, Array] = {}
        for name, variance in (("bn1", first), ("layer2.0.bn1", middle), ("layer4.2.bn3", last)):
            size = len(variance)
            shift = rng.normal(0, 0.02, size) * (variance > 1e-20)
            tensors[f"{name}.running_mean"] = (means[size] + shift).astype(np.float32)
            tensors[f"{name}.running_var"] = variance
            gamma = np.random.default_rng(size).uniform(0.4, 1.2, size)
            tensors[f"{name}.weight"] = gamma.astype(np.float32)
            tensors[f"{name}.bias"] = np.linspace(-0.2, 0.2, size, dtype=np.float32)
            tensors[f"{name}.num_batches_tracked"] = np.array(epoch * BATCHES)  # type: ignore[assignment,unused-ignore]
        means = {size: mean * 1.02 for size, mean in means.items()}
        found[epoch] = tensors
    return found


NET = """\
name: "tide"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 8 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn2" type: "BatchNorm" bottom: "conv2" top: "conv2" }
layer { name: "scale2" type: "Scale" bottom: "conv2" top: "conv2" scale_param { bias_term: true } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
"""


def layer(name: str, kind: str, blob: str, source: str, *blobs: Array) -> bytes:
    """Return a layer of a caffemodel: name, type, bottom, top and blobs."""
    fields = [(1, name.encode()), (2, kind.encode()), (3, source.encode()), (4, blob.encode())]
    fields += [(7, encode_blob(values)) for values in blobs]
    return length_delimited(100, b"".join(length_delimited(n, value) for n, value in fields))


def statistics(
    weights: list[Array], affine: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return the means and variances that the two BatchNorms of the net see on random images."""
    values: NDArray[np.float64] = np.random.default_rng(9).normal(0, 1, (64, 3, 8, 8))
    means, variances = [], []
    for kernel, (gamma, beta) in zip(weights, affine, strict=True):
        padded = np.pad(values, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        values = np.einsum("nchwij,ocij->nohw", windows, kernel.astype(np.float64))
        mean, variance = values.mean((0, 2, 3)), values.var((0, 2, 3))
        means.append(mean)
        variances.append(variance)
        sides = (mean, gamma / np.sqrt(variance + 1e-5), beta)
        centre, gain, shift = (side[:, None, None] for side in sides)
        values = np.maximum((values - centre) * gain + shift, 0)
    return means, variances


def tide() -> dict[int, bytes]:
    """Four models of the net above."""
    rng = np.random.default_rng(4)
    weights = [
        (rng.normal(0, 0.3, (8, 3, 3, 3))).astype(np.float32),
        (rng.normal(0, 0.2, (6, 8, 3, 3))).astype(np.float32),
    ]
    sizes = (8, 6)
    affine = [(np.linspace(0.6, 1.3, size), np.linspace(-0.3, 0.3, size)) for size in sizes]
    means, base = statistics(weights, affine)
    found = {}
    for i, iteration in enumerate((1000, 2000, 3000, 4000)):
        factor = np.float32((1 - 0.999**iteration) / (1 - 0.999))
        body = length_delimited(1, b"tide")
        for n, size in enumerate(sizes):
            settled = base[n] * (1 + 0.4 * rng.random(size) / (i + 1))
            # What the third snapshot of the second layer has is not of this run.
            variance = settled * (9.0 if (i, n) == (2, 1) else 1.0)
            mean = means[n] * (1 + 0.1 * rng.random(size) / (i + 1))
            blob, source = f"conv{n + 1}", ("data", "conv1")[n]
            body += layer(blob, "Convolution", blob, source, weights[n])
            sums = [(values * factor).astype(np.float32) for values in (mean, variance)]
            body += layer(f"bn{n + 1}", "BatchNorm", blob, blob, *sums, np.array([factor]))
            scale = [values.astype(np.float32) for values in affine[n]]
            body += layer(f"scale{n + 1}", "Scale", blob, blob, *scale)
        found[iteration] = body
    return found


def main() -> int:
    """Write all files."""
    HERE.mkdir(parents=True, exist_ok=True)
    for epoch, tensors in thread().items():
        (HERE / f"epoch_{epoch}.safetensors").write_bytes(save(tensors))
    for iteration, data in tide().items():
        (HERE / f"tide_iter_{iteration}.caffemodel").write_bytes(data)
    (HERE / "tide.prototxt").write_text(NET, "utf-8")
    batch = np.random.default_rng(8).normal(0, 1, (8, 3, 8, 8)).astype(np.float32)
    np.save(HERE / "batch.npy", batch)
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        print("torch is not installed: epoch_1015.pt is left as it is", file=sys.stderr)
        return 0
    state = {f"module.{name}": torch.tensor(values) for name, values in thread()[1015].items()}
    state["module.bn1.running_mean"] = state["module.bn1.running_mean"].to(torch.bfloat16)
    torch.save({"epoch": 1015, "state_dict": state}, HERE / "epoch_1015.pt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
