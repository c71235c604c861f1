"""Converted text is read back and checked: what would be broken is refused, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.conversion.prove.text import new_faults
from protolint.conversion.run import convert
from protolint.errors import InputError
from protolint.lint.registry import find_rule
from protolint.source import Source
from protolint.workspace.reading import LintFile, Readings

HEAD = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 4 dim: 4\
 dim: 4 } } }\n'
DATA = 'layer { name: "data" type: "DummyData" top: "data" dummy_data_param {\
 shape { dim: 4 dim: 4 dim: 4 dim: 4 } } }\n'
NORM = 'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" batch_norm_param { %s } }\n'
PRODUCT = 'layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s" inner_product_param {\
 num_output: 4 } }\n'
RELU = 'layer { name: "%s" type: "ReLU" bottom: "%s" top: "%s" }\n'


def read(text: str, dialect: str = "bvlc") -> LintFile:
    return Readings.of(Source("net.prototxt", text.encode())).read(DIALECTS[dialect])


def faults(before: str, after: str, target: str = "nvidia-0.17") -> list[str]:
    return [str(fault) for fault in new_faults(read(before), after.encode(), DIALECTS[target])]


def test_sound_text_has_no_fault() -> None:
    text = HEAD + RELU % ("a", "data", "a")
    assert faults(text, text) == []


@pytest.mark.parametrize(
    ("after", "evidence"),
    [
        (PRODUCT % ("a", "data", "a") + PRODUCT % ("a", "a", "b"), "a: name already used"),
        (RELU % ("a", "data", "a") + RELU % ("b", "data", "a"), "'a' is already written by 'a'"),
        (RELU % ("a", "nowhere", "a"), "nowhere"),
        (RELU % ("a", "data", "a") + "}", "the result would not be text that nvidia-0.17 reads"),
        (RELU % ("a", "data", "a") + "fresh: 1", "'fresh' does not fit NetParameter"),
    ],
)
def test_an_error_that_the_source_does_not_have_is_a_fault(after: str, evidence: str) -> None:
    (fault,) = faults(HEAD + RELU % ("a", "data", "a"), HEAD + after)
    assert evidence in fault


def test_what_is_wrong_in_the_source_may_stay_wrong() -> None:
    wrong = HEAD + PRODUCT % ("a", "data", "a") + PRODUCT % ("a", "a", "b")
    assert faults(wrong, wrong) == []
    assert len(faults(wrong, wrong + PRODUCT % ("a", "b", "c"))) == 1


def test_a_layer_is_named_once() -> None:
    twice = PRODUCT % ("a", "data", "a") + PRODUCT % ("a", "a", "b")
    (fault,) = faults(HEAD, HEAD + twice)
    assert fault.startswith("a: name already used")
    (code,) = re.findall(r"; protolint rule (\w+) explains it$", fault)
    assert find_rule(code).code == code


def test_the_official_parser_has_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that our parser takes and the official one does not is a fault of ours."""
    from google.protobuf import text_format

    def parse(data: bytes, _: object, **_options: bool) -> None:
        if b"odd" in data:
            raise text_format.ParseError("no such thing")

    monkeypatch.setattr(text_format, "Parse", parse)
    before = HEAD + RELU % ("a", "data", "a")
    (fault,) = faults(before, HEAD + RELU % ("odd", "data", "a"))
    assert "no such thing" in fault
    odd = HEAD + RELU % ("odd", "data", "a")
    assert faults(odd, odd) == []


@pytest.mark.parametrize(
    ("text", "target", "code"),
    [
        (DATA + NORM % "moving_average_fraction: 1", "nvidia-0.17", "BN023"),
        (HEAD + 'layer { name: "x" bottom: "data" top: "x" type: "Bias" bias_param { filler {'
         ' type: "gaussian" mean: 1 std: 0.1 } } }\n', "nvidia-0.17", "NT013"),
    ],
)  # fmt: skip
def test_a_conversion_with_a_new_error_writes_nothing(
    text: str, target: str, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    with pytest.raises(InputError, match=code):
        convert(path, to=target)
    assert [file.name for file in tmp_path.iterdir()] == ["net.prototxt"]
