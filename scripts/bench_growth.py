"""Awkward files of any size, and the work on one element of them, for scripts/bench.py."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

from bench_timing import timed

if TYPE_CHECKING:
    from protolint.diagnostic import Diagnostic


def residual_net(layers: int) -> bytes:
    """Return a net of residual blocks as in ResNet, seven layers each, for training."""
    shape = "shape { dim: 1 dim: 64 dim: 56 dim: 56 }"
    text = [f'layer {{ name: "data" type: "Input" top: "x0" input_param {{ {shape} }} }}\n']
    for i in range(max(1, layers // 7)):
        below = f"x{i}"
        for j in "ab":
            name = f"{j}{i}"
            text.append(
                f'layer {{ name: "conv_{name}" type: "Convolution" bottom: "{below}" '
                f'top: "{name}" param {{ lr_mult: 1 }} convolution_param {{ num_output: 64 '
                'kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "msra" } } }\n'
                f'layer {{ name: "bn_{name}" type: "BatchNorm" bottom: "{name}" top: "{name}" }}\n'
                f'layer {{ name: "scale_{name}" type: "Scale" bottom: "{name}" top: "{name}" '
                "scale_param { bias_term: true } }\n"
            )
            below = name
        text.append(
            f'layer {{ name: "sum_{i}" type: "Eltwise" bottom: "x{i}" bottom: "b{i}" '
            f'top: "x{i + 1}" }}\n'
        )
    return "".join(text).encode()


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 4, 8, 8] } } }\n'
_RELU = 'layer { name: "r@" type: "ReLU" %s\n}\n'
_NORM = """\
layer { name: "b@" type: "BatchNorm" bottom: "x" top: "b@"
  param { lr_mult: 1 } batch_norm_param { eps: 1e-12 } }
layer { name: "s@" type: "Scale" bottom: "b@" top: "b@" scale_param { filler { value: 0 } } }
"""


def _times(text: str) -> Callable[[int], str]:
    return lambda count: _INPUT + "".join(text.replace("@", str(i)) for i in range(count))


def _inside(text: str) -> Callable[[int], str]:
    """One layer that has something many times."""
    start = 'layer { name: "c" type: "Concat" top: "y" bottom: "x"\n'
    return lambda count: f"{_INPUT}{start}{''.join(map(text.format, range(count)))}}}\n"


#: Nets in which every layer does what a rule must not compare with all others.
AWKWARD: dict[str, Callable[[int], str]] = {
    "residual blocks, by layer": lambda count: residual_net(count).decode(),
    "bottoms that nothing makes": _times(_RELU % 'bottom: "u@" top: "t@"'),
    "layers that write one top": _times(_RELU % 'bottom: "x" top: "t"'),
    "layers that read one top": _times(_RELU % 'bottom: "x" top: "t@"'),
    "layers in place on one blob": _times(_RELU % 'bottom: "x" top: "x"'),
    "bottoms of one layer": _inside('bottom: "x"\n'),
    "types that nobody knows": _times(_RELU.replace("ReLU", "T@") % 'bottom: "x" top: "t@"'),
    "layers of one name": _times(_RELU.replace("@", "") % 'bottom: "x" top: "x"'),
    "layers that share a parameter": _times(
        'layer { name: "r@" type: "Scale" bottom: "x" top: "t@" param { name: "w" } }\n'
    ),
    "Reshapes overwritten in place": _times(
        'layer { name: "s@" type: "Reshape" bottom: "x" top: "t@" }\n'
        + _RELU % 'bottom: "t@" top: "t@"'
    ),
    "stages, in include": _times(_RELU % 'bottom: "x" top: "t@" include { stage: "s@" }'),
    "stages, in exclude": _times(_RELU % 'bottom: "x" top: "t@" exclude { stage: "s@" }'),
    "includes of one layer": _inside('include {{ stage: "s{}" }}\n'),
    "BatchNorms, three findings each": _times(_NORM),
    "BatchNorms of one name": _times(_NORM.replace("@", "")),
    "lines that are broken": _times('layer { name: "r@" type: "ReLU" bottom: }\n'),
    "comments": lambda count: _INPUT + "# why\n" * count,
    "findings in one line": _times((_RELU % 'bottom: "\u00fc@" top: "t@"').replace("\n", " ")),
    "suppressions": _times(_RELU % 'bottom: "u@" top: "t@" # protolint: ignore[NT001] why'),
    "suppressions above": _times(
        "# protolint: ignore[NT001] why\n" + _RELU % 'bottom: "u@" top: "t@"'
    ),
    "unknown fields": _inside("foo{}: 1\n"),
}
#: Measured from 10,000 to 100,000.
MANY = ("suppressions", "unknown fields", "comments", "bottoms of one layer")


def _checked(text: str, *targets: str) -> Callable[[], object]:
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check_text import check_source
    from protolint.report import renderer
    from protolint.source import Source
    from protolint.workspace.workspace import Choices, Workspace

    chosen = tuple(DIALECTS[name] for name in targets)
    workspace = Workspace(Choices(targets=chosen, isolated=True))
    data = text.encode()

    def check() -> None:
        reports = check_source(workspace, Source("net.prototxt", data))
        renderer("concise")(reports, False, ())

    _forget()
    return check


def _forget() -> None:
    """Forget what a new process does not know: lines, layers, and the names looked up."""
    from protolint.net import settled
    from protolint.text.scan import forget

    forget()
    settled.forget()
    caches = [found for found in gc.get_objects() if isinstance(found, _Cache)]
    for found in caches:
        # A thousand names fit into a bounded cache, and ten thousand do not.
        if found.__module__.startswith("protolint") and found.cache_parameters()["maxsize"]:
            found.cache_clear()


_Cache = type(cache(len))


def _fixed(count: int) -> Callable[[], object]:
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check_text import check_source
    from protolint.lint.fixer import fix_source
    from protolint.source import Source
    from protolint.workspace.workspace import Choices, Workspace

    workspace = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    source = Source("net.prototxt", AWKWARD["BatchNorms, three findings each"](count).encode())

    def findings(source: Source) -> Iterable[Diagnostic]:
        for report in check_source(workspace, source):
            yield from report.diagnostics

    return lambda: fix_source(source, findings, unsafe=True)


def _edited(count: int) -> Callable[[], object]:
    from protolint.lsp.document import Client, Opened, open_document
    from protolint.lsp.findings import diagnostics

    opened = Opened("file:///net", AWKWARD["BatchNorms, three findings each"](count))
    return lambda: diagnostics(open_document(opened, "/net.prototxt", Client()))


def growing(runs: int) -> None:
    """Measure the work on one file, in this process, by element: it must not grow with the file."""
    rows: dict[str, Callable[[int], Callable[[], object]]] = {
        name: (lambda count, make=make: _checked(make(count), "bvlc"))  # type: ignore[misc]
        for name, make in AWKWARD.items()
    }
    norms = AWKWARD["BatchNorms, three findings each"]
    rows["BatchNorms, target inferred"] = lambda count: _checked(norms(count))
    rows["BatchNorms, check --fix"] = _fixed
    rows["BatchNorms, in an editor after a key"] = _edited
    print(f"{'processor time by element':40} {'1,000':>9} {'10,000':>9}  ratio")
    for name, make in rows.items():
        counts = (10_000, 100_000) if name in MANY else (1_000, 10_000)
        make(100)()
        gc.disable()  # As the command does.
        few, many = (min(timed(make(c)) for _ in range(runs)) / c * 1e6 for c in counts)
        gc.enable()
        more = " (from 10,000 to 100,000)" if name in MANY else ""
        print(f"{name:40} {few:6.1f} us {many:6.1f} us  {many / few:.2f}{more}", flush=True)
