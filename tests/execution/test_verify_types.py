"""The layer types of nearly all public nets can be run."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

verify = import_module("scripts.verify_types")
running = import_module("scripts.verify_running")


def test_most_public_nets_can_be_run_by_type(corpus: Path) -> None:
    found = {path.name: verify.lacking(path) for path in verify.nets(corpus)}
    lacking = {name[:3]: types for name, types in found.items() if types}
    assert len(found) - len(lacking) >= 155
    # No net; a placeholder; a word of no Caffe; layers whose source is not public, or too large.
    assert set(lacking) <= {"036", "053", "054", "059", "061", "081", "142"}


def test_a_type_that_is_not_run_is_named(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "d" type: "OtherData" top: "d" }\n'
        'layer { name: "r" type: "ReLU" bottom: "d" top: "r" }\n'
        'layer { name: "p" type: "Python" bottom: "r" top: "p" '
        'python_param { module: "m" layer: "L" } }\n',
        "utf-8",
    )
    assert verify.lacking(net) == {"m.L"}
    assert verify.is_readable(net)
    net.write_text('layer { name: "r" type: "ReLU" bottom: "d" top: "r" pad: }\n', "utf-8")
    assert verify.lacking(net) == set()
    assert not verify.is_readable(net)
    net.write_text("plain words\n", "utf-8")
    assert verify.lacking(net) == {"no layer"}


@pytest.mark.usefixtures("corpus")
def test_small_public_nets_run_on_random_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert running.main(["012", "023", "027", "048"]) == 0
    *_, test, train = capsys.readouterr().out.splitlines()
    # DIGITS has yet to write the outputs of 048.
    assert (test, train) == ("TEST: 3 of 4 nets ran", "TRAIN: 3 of 4 nets ran")
