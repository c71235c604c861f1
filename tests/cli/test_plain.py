"""What is read without click is read as click reads it."""

from __future__ import annotations

import inspect
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.cli import check as by_click
from protolint.cli import convert as convert_by_click
from protolint.cli.checking import CheckOptions
from protolint.cli.converting import convert
from protolint.cli.plain import plain_conversion, plain_options
from protolint.conversion.request import options_of

_WORDS = (
    "a.prototxt", "-", "", "--", "=", "-q", "-qq", "-h", "--help", "--quiet", "--quiet=", "--quie",
    "--exit-zero", "--exit-zero=1", "--isolated", "--without-cudnn", "--fine-tune", "--fix",
    "--statistics", "--force-exclude", "--target", "--target=", "--target=ssd", "--target=AUTO",
    "--target=nvidia=", "auto", " NVIDIA ", "intel", "caffe2", "--output-format", "json", "JSON",
    "--output-format=sarif", "--output-format=", "--format", "--select", "PT001", "--color=never",
    "--jobs", "--jobs=", "--jobs=2", "--jobs=-1", "--jobs=\u0662", "1", " 1",
)  # fmt: skip


def _by_click(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> CheckOptions | None:
    """What click makes of a command line, None where it ends there."""
    read: list[CheckOptions] = []
    with monkeypatch.context() as patch:
        patch.setattr(by_click, "check", read.append)
        try:
            by_click.command.main(list(arguments), standalone_mode=False)
        except click.ClickException:
            return None
    return read[0] if read else None


@given(arguments=st.lists(st.sampled_from(_WORDS), max_size=6))
@settings(max_examples=300)
def test_what_is_read_is_what_click_reads(arguments: list[str]) -> None:
    plain = plain_options(arguments)
    with pytest.MonkeyPatch.context() as patch:
        assert plain is None or plain == _by_click(arguments, patch)


@pytest.mark.parametrize(
    "line",
    [
        "", "a.prototxt b.prototxt", "-", "--target ssd --target=nvidia-0.17 a", "--target auto a",
        "--output-format json -q --isolated a", "--output-format=github --without-cudnn a",
        "--force-exclude --fine-tune --statistics --exit-zero --quiet a",
        "--jobs 1 a", "--jobs=02 a",
    ],
)  # fmt: skip
def test_the_everyday_is_read_here(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plain_options(line.split())
    assert found is not None
    assert found == _by_click(line.split(), monkeypatch)


def test_completion_is_left_to_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PROTOLINT_COMPLETE", "bash_complete")
    assert plain_options(["a.prototxt"]) is None


_CONVERSIONS = (
    "a.prototxt", "b.caffemodel", "-", "", "--", "--to", "--to=bvlc", "bvlc", " NVIDIA ", "caffe2",
    "-o", "-oout", "-o=out", "out/", "--output", "--output=out/", "--from", "--like", "--force",
    "--dry-run", "--fold", "--half", "--in-place", "--resume", "--isolated", "--without-cudnn",
    "--keep-scale", "--report", "json", "-h", "--forc", "--force=1", "--engine", "caffe",
)  # fmt: skip


def _complete(asked: dict[str, Any]) -> dict[str, Any]:
    """What a conversion is asked for, with what is so unless it is said."""
    known = {**inspect.signature(options_of).parameters, **inspect.signature(convert).parameters}
    empty = inspect.Parameter.empty
    return {name: p.default for name, p in known.items() if p.default is not empty} | asked


def _conversion_by_click(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any] | None:
    read: list[dict[str, Any]] = []

    def noted(paths: tuple[str, ...], **asked: Any) -> None:
        read.append({"paths": paths, **asked})

    with monkeypatch.context() as patch:
        patch.setattr(convert_by_click, "convert", noted)
        try:
            convert_by_click.command.main(list(arguments), standalone_mode=False)
        except click.ClickException:
            return None
    return read[0] if read else None


@given(arguments=st.lists(st.sampled_from(_CONVERSIONS), max_size=7))
@settings(max_examples=300)
def test_a_conversion_is_asked_for_as_click_reads_it(arguments: list[str]) -> None:
    plain = plain_conversion(arguments)
    with pytest.MonkeyPatch.context() as patch:
        if plain is not None:
            found = _conversion_by_click(arguments, patch)
            assert found is not None
            assert _complete(plain) == _complete(found)


@pytest.mark.parametrize(
    "line",
    [
        "--to nvidia-0.17 a.prototxt b.caffemodel -o out/", "a --to bvlc --to ssd --in-place",
        "--isolated --without-cudnn --to NVIDIA --force --half --fold a b --output -",
        "--to bvlc --from segnet --like net --resume --dry-run a", "--to=ssd a --output=out/",
    ],
)  # fmt: skip
def test_an_everyday_conversion_is_read_here(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, found = plain_conversion(line.split()), _conversion_by_click(line.split(), monkeypatch)
    assert plain is not None
    assert found is not None
    assert _complete(plain) == _complete(found)


def test_what_is_incomplete_is_left_to_click() -> None:
    assert plain_conversion(["a.prototxt"]) is None
    assert plain_conversion(["--to", "bvlc"]) is None
    assert plain_conversion(["--to", "bvlc", "a", "-o"]) is None
