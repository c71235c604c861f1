"""The page of a check: well formed, harmless, every line of every file, every finding once."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.report import renderer
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace
from tests.cli.command import run
from tests.conftest import REPOSITORY

VOID = {"meta", "link"}


class Tree(HTMLParser):
    """Checks that every tag is closed where it should be; keeps ids and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "img", "iframe")
        assert not any(name.startswith("on") for name in given)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(text: str, target: str = "bvlc") -> tuple[str, list[FileReport]]:
    workspace = Workspace(Choices(targets=(DIALECTS[target],), isolated=True))
    reports = check_source(workspace, Source("a net.prototxt", text.encode()))
    return renderer("html")(reports, False), reports


NET = (Path(__file__).parents[2] / "fixtures/nets/digits_opening_post.prototxt").read_text("utf-8")


def test_the_page_has_every_line_and_every_finding() -> None:
    shown, (report,) = page(NET, "nvidia-0.15")
    tree = Tree(shown)
    assert len(tree.ids) == len(set(tree.ids))
    rows = re.findall(r'<div class="line" id="f0l\d+"><a [^>]*>\d+</a>(.*?)</div>', shown)
    assert [unescape(re.sub("<[^>]*>", "", row)) for row in rows] == NET.splitlines()
    messages = re.findall(r'<div class="finding">.*?</b> (.*?)(?: <span|</div>)', shown)
    assert sorted(map(unescape, messages)) == sorted(d.message for d in report.diagnostics)
    for link in tree.links:
        inside = link.startswith("#") and link[1:] in tree.ids
        assert inside or link.startswith("https://github.com/protolint-caffe/") or link == "data:,"


def test_lines_end_where_those_of_findings_do() -> None:
    """At a line feed alone: Caffe's readers end a line at nothing else."""
    shown, (report,) = page('input: "x"\r# a\nlayer { name: "c" type: "Nope" }')
    assert [report.source.line_number(d.span.start) for d in report.diagnostics] == [2]
    assert Tree(shown).ids[-1] == "f0l2"
    assert '<mark class="error">' in shown.partition('id="f0l2"')[2]


def test_what_is_wrong_is_underlined() -> None:
    shown, _ = page('layer { name: "a" type: "ReLU" phaze: 1 bottom: "x" top: "y" }\n')
    assert '<mark class="error">phaze</mark>' in shown


def test_each_state_has_its_picture() -> None:
    pytest.importorskip("grandalf")
    shown, _ = page(NET, "nvidia-0.15")
    assert re.findall(r"<summary>(\w+): PlumNet-BN as a picture</summary>", shown) == [
        "TRAIN",
        "TEST",
    ]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "' onload='x", "</div></svg>", "&lt;", "\x1b[31m\u202e"]
)
def test_no_name_becomes_markup(name: str) -> None:
    shown, _ = page(f'layer {{ name: "{name}" type: "{name}" bottom: "x" top: "{name}" }}\n')
    Tree(shown)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_page_of_nothing_is_a_page() -> None:
    Tree(renderer("html")([], False, ["x.prototxt: no such file"]))
    assert "no such file" in renderer("html")([], False, ["x.prototxt: no such file"])


def test_the_style_of_pictures_is_on_the_page_once() -> None:
    pytest.importorskip("grandalf")
    shown, _ = page(NET, "nvidia-0.15")
    assert shown.count("<figure><svg") > 1
    assert shown.count("<style>") == shown.count(".net .title {") == 1
    shown, _ = page("name: 'of no layers'\n")
    assert ".net .title {" not in shown


@pytest.mark.parametrize("jobs", [1, 2])
def test_pictures_are_of_the_net_as_it_was_read(tmp_path: Path, jobs: int) -> None:
    """A schema of one's own may have another default."""
    pytest.importorskip("grandalf")
    pytest.importorskip("grpc_tools")
    known = (REPOSITORY / "proto" / "bvlc.proto").read_text("utf-8")
    (tmp_path / "own.proto").write_text(
        re.sub(r"(global_pooling = \d+) \[default = false\]", r"\1 [default = true]", known)
    )
    net = (
        'input: "x" input_shape { dim: 1 dim: 1 dim: 8 dim: 8 } layer { name: "p" type: "Pooling" '
        'bottom: "x" top: "y" pooling_param { kernel_size: 2 } }\n'
    )
    nets = [tmp_path / f"{name}.prototxt" for name in "ab"]
    for path in nets:
        path.write_text(net)
    options = ("--isolated", "--target", "bvlc", "--output-format", "html", "--jobs", str(jobs))
    assert run("check", *options, *nets).stdout.count("MAX 2&#215;2") == 4
    done = run("check", *options, "--proto", tmp_path / "own.proto", *nets)
    assert done.stdout.count("MAX global") == 4
