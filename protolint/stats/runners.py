"""Running a net, and what flows into its BatchNorms.

Before each BatchNorm a layer is put that copies its bottom: of type Power, which every Caffe
and OpenCV have and which does nothing by default. Its top is what the BatchNorm reads, also
where layers work in place, and no program can fuse it away, because it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from protolint.batchnorm.state import Array
from protolint.conversion.prove.programs import run_opencv, run_program
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.text.write import quote

__all__ = ["RUNNERS", "with_probes"]

_SECONDS = 3600
_PROBE = "protolint_probe"

_PYCAFFE = """\
import sys, numpy
try:
    import caffe
except ImportError as error:
    sys.exit("pycaffe is not installed: %s" % error)
caffe.set_mode_cpu()
net = caffe.Net(sys.argv[1], sys.argv[2], caffe.TEST)
given = numpy.load(sys.argv[3])
for name in given.files:
    net.blobs[name].reshape(*given[name].shape)
net.reshape()
for name in given.files:
    net.blobs[name].data[...] = given[name]
net.forward()
numpy.savez(sys.argv[4], **{name: net.blobs[name].data for name in sys.argv[5:]})
"""


def blobs_read(net: Net, layers: Sequence[Layer]) -> set[str]:
    """Return the blobs that some layers and all above them read."""
    last = max(layer.node.start for layer in layers)
    return {b.name for layer in net.layers if layer.node.start <= last for b in layer.bottoms}


def with_probes(net: Net, layers: Sequence[Layer]) -> tuple[bytes, dict[str, str]]:
    """Return the net's text with a copy of each layer's bottom, and the copies' names by layer.

    The copies are blobs, and layers of the same name. What stands below the last of them in
    the file is left out: it need not run, nor be known to what runs the rest. So are Input
    layers that nothing else reads, which OpenCV does not run.
    """
    taken = net.blob_names | {layer.name for layer in net.layers}
    prefix = _PROBE
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    last, read = max(layer.node.start for layer in layers), blobs_read(net, layers)
    names = {layer.name: f"{prefix}_{i}" for i, layer in enumerate(layers)}
    data, text, at = net.source.data, [], 0
    for layer in sorted(net.layers, key=lambda layer: layer.node.start):
        if layer in layers:
            name, bottom = names[layer.name], quote(layer.bottoms[0].name)
            probe = f'layer {{ name: "{name}" type: "Power" bottom: {bottom} top: "{name}" }}\n'
            text += [data[at : layer.node.start], probe.encode("utf-8", "surrogateescape")]
            at = layer.node.start
        unread = layer.type == "Input" and not read & {top.name for top in layer.tops}
        if unread or layer.node.start >= last:
            text.append(data[at : layer.node.start])
            at = layer.node.end
    return b"".join([*text, data[at:]]), names


def _opencv(
    prototxt: str, model: str, batch: Mapping[str, Array], blobs: Sequence[str]
) -> list[Array]:
    """Return the blobs by OpenCV's own importer; raises UsageError where it cannot run the net."""
    return run_opencv(
        prototxt,
        model,
        batch,
        blobs,
        seconds=_SECONDS,
        missing="--data needs OpenCV (pip install 'protolint-caffe[verify]') or --with caffe",
        failed="--data: OpenCV cannot run the net",
    )


def _pycaffe(
    prototxt: str, model: str, batch: Mapping[str, Array], blobs: Sequence[str]
) -> list[Array]:
    """Return the blobs by the Caffe that Python finds, in a process of its own."""
    folder = os.path.dirname(prototxt)
    given, made = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
    np.savez(given, **batch)  # type: ignore[arg-type,unused-ignore]
    run_program(
        _PYCAFFE,
        [prototxt, model, given, made, *blobs],
        made,
        _SECONDS,
        slow="--with caffe: the net ran for more than an hour",
        failed="--with caffe: your Caffe cannot run the net",
    )
    with np.load(made, allow_pickle=False) as outputs:
        return [outputs[name] for name in blobs]


#: The programs that can run a net, by the name a user gives: prototxt, model and blobs' names
#: to the values of the blobs.
RUNNERS: dict[str, Callable[[str, str, Mapping[str, Array], Sequence[str]], list[Array]]] = {
    "opencv": _opencv,
    "caffe": _pycaffe,
}
