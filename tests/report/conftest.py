"""The findings that the tests of all formats render."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

TEXT = """\
layer { name: "d\u00e9j\u00e0" type: "Data" top: "data" top: "label" }
layer {
\tname: "bn"\ttype: "BatchNorm"
\tbottom: "data" top: "data"
\tbatch_norm_param { eps: 1e-3 eps: 1e-4 }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "datum" bottom: "label" }
"""

MIXED = """\
layer { name: "d\u00e9j\u00e0" type: "Data" top: "data" top: "label" }
layer {
\tname: "conv"\ttype: "Convolution"
\tbottom: "data" top: "conv"
\tconvolution_param { num_output: 2 kernel_size: 1 }
}
layer {
\tname: "bn"\ttype: "BatchNorm"
\tbottom: "conv" top: "bn"
\tbatch_norm_param { eps: 1e-3 eps: 1e-4 }
}
layer { name: "scale" type: "Scale" bottom: "bn" top: "sc" scale_param { bias_term: true } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "datum" bottom: "label" }
"""


def checked(path: str, text: str | bytes, *targets: str, codes: set[str]) -> list[FileReport]:
    """The reports of a text, with the findings of these rules only: others may come."""
    data = text.encode() if isinstance(text, str) else text
    reports = check_source(
        Workspace(Choices(targets=tuple(DIALECTS[name] for name in targets))), Source(path, data)
    )
    return [
        r._replace(diagnostics=tuple(d for d in r.diagnostics if d.code in codes)) for r in reports
    ]


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, in no CI."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def schemas(repository: Path) -> Path:
    """The published schemas of the formats."""
    return repository / "tests" / "schemas"


@pytest.fixture
def reports() -> list[FileReport]:
    """Three errors, one of them with a second place and one with a safe fix."""
    return checked("net.prototxt", TEXT, "nvidia-0.15", codes={"BN003", "PT004", "NT001"})


@pytest.fixture
def mixed() -> list[FileReport]:
    """A file with findings of each severity for two targets, and one without any."""
    codes = {"BN003", "BN021", "BN022", "NT001", "PT004"}
    found = checked("nets/r\u00e9seau 1.prototxt", MIXED, "bvlc", "nvidia-0.15", codes=codes)
    return [*found, *checked("nets/empty.prototxt", "", "bvlc", codes=codes)]
