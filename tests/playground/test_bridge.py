"""What the playground's page is answered, asked without a browser."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import protolint

REPOSITORY = Path(__file__).resolve().parents[2]
POST = (REPOSITORY / "fixtures" / "nets" / "digits_opening_post.prototxt").read_text("utf-8")


def asked(ask: str, text: str, target: str = "auto", **more: object) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("bridge", REPOSITORY / "playground" / "bridge.py")
    assert spec is not None
    assert spec.loader is not None
    bridge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bridge)
    found: dict[str, Any] = json.loads(
        bridge.answer(json.dumps({"ask": ask, "text": text, "target": target, **more}))
    )
    return found


def utf16(text: str) -> bytes:
    """As JavaScript counts: two bytes for each of its units."""
    return text.encode("utf-16-le", "surrogatepass")


def test_findings_are_those_of_check() -> None:
    answer = asked("check", POST)
    found = protolint.check(POST)
    assert [(f["code"], f["line"], f["message"]) for f in answer["findings"]] == [
        (f.code, found.position(f).line, f.message) for f in found
    ]
    assert answer["targets"] == [
        {
            "name": "nvidia-0.15",
            "reason": "from scale_filler at line 147",
            "verdict": "does not build in TRAIN and TEST",
        }
    ]
    assert {f["target"] for f in asked("check", POST, "bvlc")["findings"]} == {"bvlc"}


def test_places_and_edits_count_as_javascript_does() -> None:
    text = '# \u00e4\U0001f600\nlayer { name: "x" typ: "ReLU" }\n'
    (finding,) = [f for f in asked("check", text)["findings"] if f["code"] == "PT002"]
    units = utf16(text)
    assert units[finding["from"] * 2 : finding["to"] * 2].decode("utf-16-le") == "typ"
    (edit,) = finding["fix"]["edits"]
    units = units[: edit["from"] * 2] + utf16(edit["insert"]) + units[edit["to"] * 2 :]
    assert units.decode("utf-16-le") == text.replace("typ:", "type:")


def test_one_fix_takes_its_finding_away() -> None:
    answer = asked("check", POST)
    fixable = [f for f in answer["findings"] if f["fix"]]
    assert {f["fix"]["safe"] for f in fixable} == {True, False}
    for finding in fixable:
        fixed = POST
        for edit in reversed(finding["fix"]["edits"]):
            fixed = fixed[: edit["from"]] + edit["insert"] + fixed[edit["to"] :]
        left = asked("check", fixed)["findings"]
        assert (finding["code"], finding["layer"]) not in [(f["code"], f["layer"]) for f in left]


def test_all_safe_fixes_leave_no_safe_fix() -> None:
    text = (REPOSITORY / "fixtures" / "nets" / "digits_two_block.prototxt").read_text("utf-8")
    assert any(f["fix"] and f["fix"]["safe"] for f in asked("check", text)["findings"])
    fixed = asked("fix", text)["text"]
    assert not any(f["fix"] and f["fix"]["safe"] for f in asked("check", fixed)["findings"])


def test_a_text_is_laid_out_and_a_broken_one_left() -> None:
    assert asked("format", 'layer{name:"a"}', "bvlc")["text"] == 'layer { name: "a" }\n'
    broken = asked("format", "layer{name:")
    assert broken["text"] == "layer{name:"
    assert "broken" in broken["note"]


def test_layers_and_the_evidence_for_the_target_are_shown() -> None:
    (net,) = asked("show", POST)["document"]["nets"]
    assert [state["phase"] for state in net["states"]] == ["TRAIN", "TEST"]
    assert net["states"][0]["layers"][1]["name"] == "conv1"
    for target in ("auto", "bvlc"):
        assert "field 'scale_filler' (line 147)" in asked("explain", POST, target)["text"]


def test_a_state_is_drawn_under_the_name_that_the_table_gives_it() -> None:
    pytest.importorskip("grandalf", reason="pictures need grandalf")
    text = (REPOSITORY / "fixtures" / "nets" / "digits_all_in_one.prototxt").read_text("utf-8")
    (net,) = asked("show", text)["document"]["nets"]
    for state in net["states"]:
        name = ",".join([state["phase"], *state["stages"]])
        assert asked("picture", text, state=name)["svg"].startswith("<svg")


def test_a_solver_is_not_asked_for_the_file_of_its_net() -> None:
    solver = (REPOSITORY / "fixtures" / "nets" / "bvlc_solver.prototxt").read_text("utf-8")
    assert asked("check", solver)["findings"] == []
    assert asked("show", solver)["error"].startswith("a solver, not a net")


def test_help_while_writing_counts_as_javascript_does() -> None:
    start = '# \u00e4\U0001f600\nlayer { name: "c" type: "Convolution" bottom: "x" top: "c"\n  '
    text = f"{start}convolution_par\n}}\n"
    at = len(utf16(text[: text.index("_par") + 4])) // 2
    found = asked("complete", text, at=at)
    assert found["items"][0]["label"] == "convolution_param"
    assert utf16(text)[found["from"] * 2 : found["to"] * 2].decode("utf-16-le") == "convolution_par"
    found = asked("hover", text, at=len(utf16(text[: text.index("bottom")])) // 2 + 2)
    assert utf16(text)[found["from"] * 2 : found["to"] * 2].decode("utf-16-le") == "bottom"
    assert "a string" in found["text"]
    assert asked("hover", text, at=3) == {"text": None}
    old = "layer { convolution_param { k: 1 kernel_size: 2 } }"
    for target in ("auto", "bvlc", "nvidia-0.14"):
        assert "kernel_size" in asked("hover", old, target, at=old.index("kernel"))["text"]


@pytest.mark.parametrize("ask", ["check", "fix", "format", "show", "explain", "complete", "hover"])
@pytest.mark.parametrize("text", ["", "layer {", "\0", "\ud800", "a" * 9999, "a {" * 5000, "}"])
def test_every_text_has_an_answer(ask: str, text: str) -> None:
    answer = asked(ask, text, at=len(utf16(text)) // 2)
    assert answer
    assert "fault" not in answer.get("error", "")
