"""What real builds did with each other's files is what the rules say they do.

The table was observed: five frameworks on a CPU, the net `brook`, the weights of one in the
prototxt of another (fixtures/golden/README.md).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.lint.check_weights import GivenNet, check_weights
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Workspace
from tests.golden import FOLDER_OF, ROOTS

FILES = (
    ("bvlc", "brook"),
    ("nvidia-0.14", "brook"),
    ("nvidia-0.15", "brook"),
    ("nvidia-0.15", "brook_sep"),
    ("nvidia-0.17", "brook"),
    ("nvidia-0.17", "brook_sep"),
    ("nvidia-0.17", "brook_oldblobs"),
)
COUNT, SHAPE, RAW, DROPPED, SUMS = "WT004", "WT005", "WT020", "WT021", "WT009"
#: For each net, what became of each of the files; "" where it loads and computes rightly.
OBSERVED = {
    ("bvlc", "brook"): ("", "", COUNT, COUNT, RAW, RAW, COUNT),
    ("nvidia-0.14", "brook"): (DROPPED, "", COUNT, COUNT, RAW, RAW, COUNT),
    ("nvidia-0.15", "brook"): (COUNT, COUNT, "", DROPPED, RAW, RAW, SHAPE),
    ("nvidia-0.15", "brook_sep"): (COUNT, COUNT, "", "", RAW, RAW, SHAPE),
    ("nvidia-0.16", "brook"): (COUNT, COUNT, "", DROPPED, "", COUNT, ""),
    ("nvidia-0.16", "brook_sep"): (SUMS, SUMS, COUNT, COUNT, COUNT, "", COUNT),
    ("nvidia-0.17", "brook"): (COUNT, COUNT, "", DROPPED, "", COUNT, ""),
    ("nvidia-0.17", "brook_sep"): ("", "", COUNT, COUNT, COUNT, "", COUNT),
}


def golden(dialect: str, name: str) -> Path:
    places = [root / FOLDER_OF[dialect] / name for root in ROOTS]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip(f"{FOLDER_OF[dialect]}/{name} is not here")
    return found


@pytest.mark.parametrize(
    ("net", "file", "code"),
    [
        pytest.param(net, file, code, id=f"{'-'.join(file)} in {'-'.join(net)}")
        for net, codes in OBSERVED.items()
        for file, code in zip(FILES, codes, strict=True)
    ],
)
def test_the_rules_say_what_was_observed(
    net: tuple[str, str], file: tuple[str, str], code: str
) -> None:
    dialect, name = net
    prototxt = golden(dialect, f"{name}.prototxt")
    model = golden(file[0], f"{file[1]}.caffemodel")
    # The builds had no cuDNN.
    source = Source(str(prototxt), prototxt.read_bytes())
    readings = Readings.of(source, Build(cudnn=False))
    given = GivenNet(readings, [Target(DIALECTS[dialect], "as asked")])
    (report,) = check_weights(Workspace(), str(model), given=given)
    errors = {d.code for d in report.diagnostics if d.severity is Severity.ERROR}
    assert errors == ({code} if code else set())
    # A Scale that gets nothing keeps its 1 and 0; young statistics are told as well.
    others = {d.code for d in report.diagnostics} - errors
    assert others <= {"WT011", "WT013"}
