"""The Caffe a file is for: as asked, as the file or the configuration says, or told from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS, resolve_target
from protolint.cli.explain import explain
from protolint.cli.terminal import Problems
from protolint.errors import ConfigError
from protolint.lint.check_files import check_files
from protolint.lint.check_text import check_source
from protolint.source import Source
from protolint.workspace.config import ConfigFinder
from protolint.workspace.config_keys import load_settings
from protolint.workspace.settings import Settings
from protolint.workspace.workspace import Choices, Workspace

BN = 'layer {{ name: "b" type: "BatchNorm" bottom: "x" top: "y"\n  batch_norm_param {{ {} }} }}\n'


def targets(
    text: str, targets: tuple[Dialect, ...] = (), settings: Settings | None = None
) -> list[tuple[str, str]]:
    workspace = Workspace(Choices(targets=targets), settings=settings)
    reports = check_source(workspace, Source("x", text.encode()))
    return [(r.target.dialect.name, r.target.reason) for r in reports]


@pytest.mark.parametrize(
    ("text", "dialect", "reason"),
    [
        ("", "bvlc", "nothing in the file points to another"),
        (BN.format("eps: 1e-3"), "bvlc", "nothing in the file points to another"),
        (BN.format("scale_bias: true"), "nvidia-0.17", "from scale_bias at line 2"),
        (BN.format("scale_filler { value: 1 }"), "nvidia-0.15", "from scale_filler at line 2"),
        (
            BN.format("scale_filler { value: 1 } scale_bias: true"),
            "nvidia-0.17",
            "from scale_filler at line 2",
        ),
        (BN.format("engine: CUDNN"), "nvidia-0.17", "from engine at line 2"),
        ("base_lr: 1\nlarc: true\n", "nvidia-0.17", "from larc at line 2"),
        ("layer { bn_param { } }", "bvlc",
         "the nearest to the Caffe of SegNet, whose bn_param is at line 1"),
        ("layer { frobnicate: 1 }", "bvlc", "no other Caffe knows more of its fields"),
        (BN.format("scale_filler { val: 1 } bias_filler { val: 0 }"), "nvidia-0.15",
         "from scale_filler at line 2"),
        ('item { name: "cat" }', "ssd", "which reads label maps"),
        ('classes { name: "cat" }', "bvlc", "by default"),
    ],
)  # fmt: skip
def test_inference_names_its_evidence(text: str, dialect: str, reason: str) -> None:
    assert targets(text) == [(dialect, reason)]


_SHUFFLED = 'layer { name: "d" type: "Data" top: "d" data_param { shuffle: true } }\n'
_FLAT = (
    'layer { name: "f" type: "InnerProduct" bottom: "d" top: "f" }\n'
    'layer { name: "b" type: "BatchNorm" bottom: "f" top: "f" }\n'
)
_LAYER = 'layer { name: "x" type: "%s" bottom: "d" top: "x" %s }\n'
_PERMUTED = _LAYER % ("Permute", "permute_param { order: 1 }")
_QUANTISED = _LAYER % ("Convolution", "quantization_param { bw_layer_in: 8 %s }")
_OHEM = _LAYER % ("SoftmaxWithLossOHEM", "loss_param { normalization: PRE_FIXED }")
_TWO_SIZES = "transform_param { resize_param { } resize_param { } }"


@pytest.mark.parametrize(
    ("text", "dialect", "fork"),
    [
        (_SHUFFLED, "nvidia-0.17", ""),
        # NVIDIA's aborts, BVLC's has no shuffle.
        (_SHUFFLED + _FLAT, "intel", ""),
        (_QUANTISED % "is_negative_input: true", "intel", ""),
        (_QUANTISED % "", "bvlc", "YOLO v2"),
        (_LAYER % ("Convolution", "convolution_param { engine: MKL2017 }"), "intel", ""),
        ("base_lr: 1\nlocal_lr_auto: true\nwarmup_iter: 1\n", "intel", ""),
        ("eval_type: 'detection'\n", "ssd", ""),
        (_OHEM + _LAYER % ("PSROIPooling", ""), "bvlc", "py-R-FCN"),
        # Intel has all of it, the fork at hand does not know the one field.
        (_OHEM + _LAYER % ("Pooling", "pooling_param { ceil_mode: true }"), "bvlc", "py-R-FCN"),
        (_PERMUTED + _LAYER % ("DepthwiseConvolution", ""), "ssd", "DepthwiseConvolution"),
        (_LAYER % ("Normalize", "normalize_param { bp_norm: true }"), "bvlc", "caffe-windows"),
        (_LAYER % ("Interp", "") + _LAYER % ("BN", ""), "bvlc", "PSPNet"),
        (_PERMUTED + _LAYER % ("Data", _TWO_SIZES), "ssd", "MobileNet-YOLO"),
        ("device_id: [0, 1]\n", "bvlc", "TSN"),
    ],
)
def test_whose_file_it_is(text: str, dialect: str, fork: str) -> None:
    (report,) = check_source(Workspace(Choices()), Source("x", text.encode()))
    assert (report.target.dialect.name, report.target.fork) == (dialect, fork)


def test_a_comment_in_the_file_decides() -> None:
    text = "# protolint: target=nvidia-0.15\n" + BN.format("scale_bias: true")
    assert targets(text) == [("nvidia-0.15", "as a comment in the file says")]


def test_a_comment_may_name_several() -> None:
    names = [name for name, _ in targets("#protolint: target=bvlc,nvidia # both\n")]
    assert names == ["bvlc", "nvidia-0.17"]


def test_what_is_asked_for_wins_over_the_comment() -> None:
    text = "# protolint: target=nvidia-0.15\n"
    asked = (DIALECTS["bvlc"], DIALECTS["nvidia-0.14"], DIALECTS["bvlc"])
    assert targets(text, targets=asked) == [("bvlc", "as asked"), ("nvidia-0.14", "as asked")]


def test_the_configuration_comes_after_the_comment() -> None:
    settings = Settings(path="a/protolint.toml", targets=(DIALECTS["nvidia-0.16"],))
    assert targets("", settings=settings) == [("nvidia-0.16", "as protolint.toml says")]
    text = "# protolint: target=bvlc\n"
    assert targets(text, settings=settings)[0][0] == "bvlc"


def test_each_target_gives_its_own_findings() -> None:
    text = BN.format("scale_filler { value: 1 }")
    asked = (DIALECTS["bvlc"], DIALECTS["nvidia-0.15"])
    one, two = check_source(Workspace(Choices(targets=asked)), Source("x", text.encode()))
    assert "PT003" in {d.code for d in one.diagnostics}
    assert "PT003" not in {d.code for d in two.diagnostics}
    assert {d.target for d in two.diagnostics} == {"nvidia-0.15"}


def test_the_corpus_is_told_apart(corpus: Path) -> None:
    head, *lines = (corpus / "MANIFEST.tsv").read_text("utf-8").splitlines()
    column = {name: i for i, name in enumerate(head.split("\t"))}
    wrong = []
    for cells in (line.split("\t") for line in lines):
        meant = cells[column["dialect"]].removesuffix("+")
        if resolve_target(meant) is None or cells[column["kind"]] == "malformed":
            continue
        path = corpus / cells[0]
        ((name, _),) = targets(path.read_bytes().decode("latin-1"))
        if meant == "intel" and "intel/caffe" not in cells[column["also_accepted_by"]]:
            continue  # a fork that took Intel's fields over, and has others
        # Where nothing tells two Caffes apart, as 0.16 and 0.17, the newer one is right too.
        alike = {"nvidia-0.14": {"nvidia-0.15"}, "nvidia-0.15": {"nvidia-0.17"},
                 "nvidia-0.16": {"nvidia-0.17"}, "ssd": {"nvidia-0.17"}}  # fmt: skip
        if name != meant and name not in alike.get(meant, ()):
            wrong.append((cells[0], meant, name))
    assert wrong == []


def test_nvidia_is_the_newest() -> None:
    assert resolve_target(" NVIDIA ") is DIALECTS["nvidia-0.17"]
    assert resolve_target("nvidia-0.18") is None


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def test_the_nearest_configuration_is_used_alone(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", 'target = "bvlc"\ncudnn = false\n')
    write(tmp_path / "a", "pyproject.toml", '[tool.protolint]\ntarget = ["nvidia-0.14"]\n')
    write(tmp_path / "a" / "b", "pyproject.toml", "[tool.other]\n")
    finder = ConfigFinder()
    assert [d.name for d in finder.settings_for(str(tmp_path / "a" / "b")).targets] == [
        "nvidia-0.14"
    ]
    assert finder.settings_for(str(tmp_path / "a" / "b")).cudnn
    assert not finder.settings_for(str(tmp_path)).cudnn
    assert ConfigFinder(isolated=True).settings_for(str(tmp_path)) == Settings()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"targets": "bvlc"}, "unknown key 'targets'; did you mean 'target'?"),
        ({"target": "nvidia-0.51"}, "unknown target 'nvidia-0.51'; did you mean 'nvidia-0.1"),
        ({"target": 3}, "'target' takes a string or a list of strings, not 3"),
        ({"cudnn": "no"}, "'cudnn' takes true or false, not 'no'"),
        ({"layer-types": [1]}, "'layer-types' takes a string or a list of strings"),
        ({"proto": ["a", "b"]}, "'proto' takes a string, not ['a', 'b']"),
    ],
)
def test_a_wrong_configuration_says_what_and_where(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings("x/protolint.toml", table)
    assert str(raised.value).startswith("x/protolint.toml: ")
    assert message in str(raised.value)


def test_broken_toml_is_told(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", "target = \n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        ConfigFinder().settings_for(str(tmp_path))


def test_custom_layer_types_are_taken() -> None:
    text = 'layer { name: "m" type: "Mine" top: "x" }\n'
    (before,) = check_source(Workspace(), Source("x", text.encode()))
    settings = Settings(layer_types=frozenset({"Mine"}))
    (after,) = check_source(Workspace(settings=settings), Source("x", text.encode()))
    assert [d.code for d in before.diagnostics] == ["PT005"]
    assert after.diagnostics == ()


_NORMS = """\
layer { name: "d" type: "Input" top: "data" }
layer { name: "norm_a" type: "BatchNorm" bottom: "data" top: "a" }
layer { name: "norm_b" type: "BatchNorm" bottom: "a" top: "b" }
"""


@pytest.mark.parametrize(
    ("build", "dialect"),
    [
        ("bvlc-master-9b89154", "bvlc"),
        ("nvcaffe-0.15.14", "nvidia-0.15"),
        ("nvcaffe-0.17.4", "nvidia-0.17"),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_weights_show_whose_net_it_is(
    build: str, dialect: str, given: bool, tmp_path: Path, fixtures: Path
) -> None:
    """Given for the net, or found under its name; the names of the BatchNorms are in both."""
    weights = fixtures / "golden" / build / "brook.caffemodel"
    net = tmp_path / "net.prototxt"
    net.write_text(_NORMS, "utf-8")
    if not given:
        (tmp_path / "net.caffemodel").write_bytes(weights.read_bytes())
    workspace = Workspace(Choices(isolated=True))
    paths = [str(weights)] if given else []
    reports = check_files(workspace, [str(net)], lambda error: None, weights=paths)
    target = reports[0].target
    assert target.dialect.name == dialect
    if dialect != "bvlc":
        name = "brook" if given else "net"
        assert target.reason == f"from the blobs of BatchNorms of {name}.caffemodel"
        text = explain(workspace, [str(net)], Problems(), paths)
        assert f"the blobs of BatchNorms ({name}.caffemodel, 2 times, a habit): for" in text
    other = tmp_path / "other.prototxt"
    other.write_text(_NORMS.replace("norm_", "n_"), "utf-8")
    reports = check_files(workspace, [str(other)], lambda error: None, weights=paths)
    assert reports[0].target.dialect.name == "bvlc"
