"""The language server, spoken to as an editor does: JSON-RPC over its standard streams."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import protolint

pytest.importorskip("pygls", reason="the server needs pygls")

BN = """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn\u00fc\U0001f600" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param { engine: CAFFE eps_: 1e-5 }
}
"""

SOUND = BN.replace("eps_: 1e-5 ", "")


class Editor:
    """A client that waits for every answer."""

    def __init__(self, folder: Path, **capabilities: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "protolint", "server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        self.number = 0
        self.published: dict[str, dict[str, Any]] = {}
        self.opened: set[str] = set()
        self.capabilities = self.request(
            "initialize",
            {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities},
        )["capabilities"]
        self.notify("initialized", {})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline().strip()) or not length:
            assert self.process.poll() is None or line, "the server has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published[message["params"]["uri"]] = message["params"]
        return message

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        self.number += 1
        self._send({"id": self.number, "method": method, "params": params})
        while (message := self._receive()).get("id") != self.number or "method" in message:
            pass
        assert "error" not in message, message
        return message["result"]

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """What was published about a document after all that was sent so far."""
        self.wait(uri)
        found: list[dict[str, Any]] = self.published[uri]["diagnostics"]
        return found

    def wait(self, uri: str) -> None:
        """Let what is under way for a document end: its layers are told by the newest check."""
        self.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})

    def change(self, uri: str, version: int, text: str) -> None:
        document = {"uri": uri, "version": version}
        self.notify(
            "textDocument/didChange",
            {"textDocument": document, "contentChanges": [{"text": text}]},
        )

    @staticmethod
    def at(uri: str, line: int, character: int) -> dict[str, Any]:
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    def open(self, path: Path, text: str) -> str:
        uri = path.as_uri()
        self.opened.add(uri)
        document = {"uri": uri, "languageId": "prototxt", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def close(self, uri: str) -> None:
        self.opened.discard(uri)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def actions(self, uri: str, place: dict[str, Any], *only: str) -> list[dict[str, Any]]:
        context: dict[str, Any] = {"diagnostics": []}
        if only:
            context["only"] = list(only)
        found: list[dict[str, Any]] = self.request(
            "textDocument/codeAction",
            {"textDocument": {"uri": uri}, "range": place, "context": context},
        )
        return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One server for all: its start takes longer than most of what it is asked."""
    editor = Editor(tmp_path_factory.mktemp("root"))
    with editor.process:
        yield editor
        editor.request("shutdown", None)
        editor.notify("exit", None)
        assert editor.process.wait(timeout=60) == 0


@pytest.fixture
def editor(started: Editor) -> Iterator[Editor]:
    """A client of a server that has nothing open."""
    yield started
    for uri in tuple(started.opened):
        started.close(uri)


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text with edits whose positions are in UTF-16 code units, last one first."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    starts = [sum(len(line) + 2 for line in lines[:i]) for i in range(len(lines))]
    data = text.encode("utf-16-le")

    def offset(position: dict[str, int]) -> int:
        return starts[position["line"]] + 2 * position["character"]

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        start, end = (offset(edit["range"][side]) for side in ("start", "end"))
        data = data[:start] + edit["newText"].encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


def test_findings_are_those_of_check_and_follow_every_change(
    editor: Editor, tmp_path: Path
) -> None:
    path = tmp_path / "n\u00e4t.prototxt"
    (tmp_path / "protolint.toml").write_text('target = "nvidia-0.15"\n', "utf-8")
    uri = editor.open(path, BN)
    found = editor.diagnostics(uri)
    expected = protolint.check(BN, name=str(path))
    assert [d["code"] for d in found] == [d.code for d in expected]
    assert {"PT002", "BN003"} <= {d["code"] for d in found}
    for shown, finding in zip(found, expected, strict=True):
        line, column = expected.position(finding)
        assert shown["range"]["start"]["line"] == line - 1
        assert shown["source"] == "protolint"
        assert shown["codeDescription"]["href"].endswith(f"/{finding.code}.md")
        assert finding.message in shown["message"]
        if line != 3:
            assert shown["range"]["start"]["character"] == column - 1
    # The whole text is sent: what begins a line is not left to two programs.
    assert editor.capabilities["textDocumentSync"]["change"] == 1
    editor.change(uri, 2, f"# \u2028 and \u0085\n{SOUND}")
    found = editor.diagnostics(uri)
    assert "PT002" not in {d["code"] for d in found}
    (gamma,) = [d for d in found if d["code"] == "BN003"]
    assert gamma["range"]["start"]["line"] == 4
    assert editor.published[uri]["version"] == 2
    editor.close(uri)
    assert editor.diagnostics(uri) == []


def test_a_fix_of_the_editor_is_that_of_check(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "protolint.toml").write_text(
        'target = "nvidia-0.15"\nselect = ["BN003", "PT002"]\n', "utf-8"
    )
    uri = editor.open(tmp_path / "net.prototxt", SOUND)
    found = {d["code"]: d for d in editor.diagnostics(uri)}
    actions = editor.actions(uri, found["BN003"]["range"])
    fix, *_ = [a for a in actions if a["title"].startswith("BN003") and "Ignore" not in a["title"]]
    assert fix["isPreferred"]
    assert [d["code"] for d in fix["diagnostics"]] == ["BN003"]
    changed = applied(SOUND, fix["edit"]["changes"][uri])
    assert "BN003" not in {d.code for d in protolint.check(changed, target="nvidia-0.15")}
    (ignore,) = [a for a in actions if a["title"] == "BN003: Ignore it on this line"]
    quiet = applied(SOUND, ignore["edit"]["changes"][uri])
    assert [d.code for d in protolint.check(quiet, target="nvidia-0.15", select="BN003")] == []
    (all_,) = editor.actions(uri, found["BN003"]["range"], "source.fixAll")
    assert all_["kind"] == "source.fixAll.protolint"
    net = tmp_path / "net.prototxt"
    net.write_text(SOUND, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "protolint", "check", "--fix", net], capture_output=True, timeout=120
    )
    assert applied(SOUND, all_["edit"]["changes"][uri]) == net.read_text("utf-8")
    assert editor.actions(uri, found["BN003"]["range"], "refactor") == []


def test_places_are_in_utf_16(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "net.prototxt", BN.replace('bottom: "x"', 'bottom: "gone"'))
    (found,) = [d for d in editor.diagnostics(uri) if d["code"] == "NT001"]
    line = BN.replace('bottom: "x"', 'bottom: "gone"').split("\n")[2]
    units = line.encode("utf-16-le")
    start, end = (found["range"][side]["character"] for side in ("start", "end"))
    assert units[2 * start : 2 * end].decode("utf-16-le") == 'bottom: "gone"'


def test_hovering_over_a_finding_shows_the_rule(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "net.prototxt", BN)
    (found,) = [d for d in editor.diagnostics(uri) if d["code"] == "PT002"]
    start = found["range"]["start"]
    shown = editor.request(
        "textDocument/hover", editor.at(uri, start["line"], start["character"] + 1)
    )
    assert "PT002 unknown-field" in shown["contents"]["value"]
    assert shown["range"] == found["range"]
    field = editor.request("textDocument/hover", editor.at(uri, 0, 0))
    assert field["contents"]["value"].startswith("**layer**")
    assert editor.request("textDocument/hover", editor.at(uri, 0, 6)) is None


def test_a_saved_configuration_counts_at_once(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "net.prototxt", BN)
    assert "BN003" not in {d["code"] for d in editor.diagnostics(uri)}
    settings = tmp_path / "protolint.toml"
    settings.write_text('target = "nvidia-0.15"\n', "utf-8")
    editor.notify("textDocument/didSave", {"textDocument": {"uri": settings.as_uri()}})
    assert "BN003" in {d["code"] for d in editor.diagnostics(uri)}
    settings.write_text('tarket = "nvidia-0.15"\n', "utf-8")
    editor.notify("textDocument/didSave", {"textDocument": {"uri": settings.as_uri()}})
    (shown,) = editor.diagnostics(uri)
    assert "not checked" in shown["message"]
    assert "did you mean 'target'?" in shown["message"]


def test_what_the_configuration_leaves_out_is_left_out(editor: Editor, tmp_path: Path) -> None:
    settings = tmp_path / "protolint.toml"
    settings.write_text('target = "nvidia-0.15"\nexclude = ["old"]\n', "utf-8")
    (tmp_path / "old").mkdir()
    uri = editor.open(tmp_path / "old" / "net.prototxt", BN)
    assert editor.diagnostics(uri) == []
    net = tmp_path / "net.prototxt"
    net.write_text(SOUND, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "protolint", "check", "--write-baseline", "net.prototxt"],
        capture_output=True, timeout=120, cwd=tmp_path, check=True,
    )  # fmt: skip
    settings.write_text('target = "nvidia-0.15"\nbaseline = "protolint-baseline.json"\n', "utf-8")
    uri = editor.open(net, SOUND)
    assert editor.diagnostics(uri) == []
    uri = editor.open(net, BN)
    assert {d["code"] for d in editor.diagnostics(uri)} == {"PT002"}


def test_a_net_for_several_caffes_is_not_fixed_as_a_whole(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "protolint.toml").write_text('target = ["bvlc", "nvidia-0.15"]\n', "utf-8")
    uri = editor.open(tmp_path / "net.prototxt", SOUND)
    (found,) = [d for d in editor.diagnostics(uri) if d["code"] == "BN003"]
    titles = [action["title"] for action in editor.actions(uri, found["range"])]
    assert any(title.startswith("BN003: ") for title in titles)
    assert "protolint: Apply every safe fix" not in titles


def test_what_is_no_net_is_left_alone(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "protolint.toml", "target = 1\n")
    editor.wait(uri)
    assert uri not in editor.published
    assert editor.actions(uri, {"start": {"line": 0, "character": 0},
                                "end": {"line": 0, "character": 0}}) == []  # fmt: skip
    broken = editor.open(tmp_path / "net.prototxt", "layer {\n")
    assert {d["code"] for d in editor.diagnostics(broken)} == {"PT001"}
    empty = editor.open(tmp_path / "empty.prototxt", "")
    assert {d["code"] for d in editor.diagnostics(empty)} <= {"PT001"}


def test_without_pygls_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['pygls'] = None; sys.modules['pygls.lsp.server'] = None;"
        "from protolint.cli import main; main(['server'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "protolint: the server needs pygls: pip install 'protolint-caffe[lsp]'\n"
    )


def test_the_server_completes_leads_renames_and_lays_out(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "a.prototxt", SOUND)
    offered = editor.request("textDocument/completion", editor.at(uri, 3, 2))
    assert offered["items"][0]["label"] == "bottom"
    line = SOUND.splitlines()[2]
    units = len(line[: line.index('"x"')].encode("utf-16-le")) // 2
    (made,) = editor.request("textDocument/definition", editor.at(uri, 2, units))
    assert made["range"]["start"]["line"] == 0
    context = {"context": {"includeDeclaration": True}}
    found = editor.request("textDocument/references", {**editor.at(uri, 2, units), **context})
    assert len(found) == 2
    edit = editor.request("textDocument/rename", {**editor.at(uri, 2, units), "newName": "data"})
    assert [change["newText"] for change in edit["changes"][uri]] == ['"data"', '"data"']
    document = {"textDocument": {"uri": uri}}
    outline = editor.request("textDocument/documentSymbol", document)
    assert [symbol["detail"] for symbol in outline] == ["Data", "BatchNorm"]
    (fold,) = editor.request("textDocument/foldingRange", document)
    assert (fold["startLine"], fold["endLine"]) == (1, 4)
    options = {"options": {"tabSize": 2, "insertSpaces": True}}
    (layout,) = editor.request("textDocument/formatting", {**document, **options})
    assert '\n  type: "BatchNorm"\n' in layout["newText"]
    shown = editor.request("textDocument/hover", editor.at(uri, 3, 25))
    assert "engine" in shown["contents"]["value"]


def test_only_the_newest_of_many_versions_is_checked(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "a.prototxt", SOUND)
    for version, text in enumerate((BN, SOUND, BN), 2):
        editor.change(uri, version, text)
    assert "PT002" in [d["code"] for d in editor.diagnostics(uri)]
    assert editor.published[uri]["version"] == 4
    proto = editor.open(tmp_path / "a.proto", 'syntax = "proto2";\n')
    editor.wait(proto)
    assert proto not in editor.published


def test_a_configuration_that_was_changed_is_read_again(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "a.prototxt", BN)
    assert editor.diagnostics(uri)
    (tmp_path / "protolint.toml").write_text('select = ["SV"]\n', "utf-8")
    editor.notify("workspace/didChangeWatchedFiles", {"changes": []})
    assert editor.diagnostics(uri) == []


TRAIN = """layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "sum" type: "Reduction" bottom: "y" top: "z" loss_weight: 1 }
"""
DEPLOY = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 5 } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
"""


def test_rules_over_two_files_run_in_the_editor(editor: Editor, tmp_path: Path) -> None:
    """On what is on disk, and on what is open beside it and not saved."""
    train = tmp_path / "net_train.prototxt"
    train.write_text(TRAIN, "utf-8")
    deploy = editor.open(tmp_path / "net_deploy.prototxt", DEPLOY)
    (found,) = [d for d in editor.diagnostics(deploy) if d["code"] == "NT009"]
    assert "kernel_size" in found["message"]
    (there,) = [r["location"] for r in found["relatedInformation"]]
    assert there["uri"] == train.as_uri()
    assert there["range"]["start"]["line"] in (2, 3)
    editor.open(train, TRAIN.replace("kernel_size: 3", "kernel_size: 5"))
    editor.notify("textDocument/didSave", {"textDocument": {"uri": deploy}})
    assert "NT009" not in [d["code"] for d in editor.diagnostics(deploy)]


def test_a_rename_goes_through_the_files_of_the_model(editor: Editor, tmp_path: Path) -> None:
    train, text = tmp_path / "net_train.prototxt", TRAIN.replace("kernel_size: 3", "kernel_size: 5")
    train.write_text(text, "utf-8")
    deploy = editor.open(tmp_path / "net_deploy.prototxt", DEPLOY)
    line = DEPLOY.splitlines()[1]
    for what, count_here, count_there in (('"conv"', 1, 1), ('"y"', 3, 4)):
        place = editor.at(deploy, 1, line.index(what) + 1)
        changes = editor.request("textDocument/rename", {**place, "newName": "new"})["changes"]
        assert set(changes) == {deploy, train.as_uri()}
        assert applied(DEPLOY, changes[deploy]) == DEPLOY.replace(what, '"new"')
        assert applied(text, changes[train.as_uri()]) == text.replace(what, '"new"')
        assert len(changes[deploy]) == count_here
        assert len(changes[train.as_uri()]) == count_there


def test_a_check_keeps_no_question_about_the_text_waiting(editor: Editor, tmp_path: Path) -> None:
    layer = """layer {{ name: "r{0}" type: "ReLU" bottom: "{1}" top: "{0}"
  relu_param {{ negative_slope: 0.1 }} }}
"""
    layers = [layer.format(i, i - 1 if i else "x") for i in range(8_000)]
    text = DEPLOY.splitlines(keepends=True)[0] + "".join(layers)
    uri = editor.open(tmp_path / "deep.prototxt", text)
    editor.diagnostics(uri)
    editor.change(uri, 2, text.replace("layer { name", "layer {\n  name", 1))
    end = text.count("\n")
    offered = editor.request("textDocument/completion", editor.at(uri, end, 16))
    assert "engine" in [item["label"] for item in offered["items"]]
    shown = editor.request("textDocument/hover", editor.at(uri, end, 3))
    assert shown["contents"]["value"].startswith("**relu_param**")
    assert editor.published[uri]["version"] == 1
    editor.wait(uri)
    assert editor.published[uri]["version"] == 2


def test_edits_have_the_versions_they_are_for(tmp_path: Path) -> None:
    """Where the client takes versions: an edit of a text that has changed is refused there."""
    capabilities = {"workspace": {"workspaceEdit": {"documentChanges": True}}}
    train, text = tmp_path / "net_train.prototxt", TRAIN.replace("kernel_size: 3", "kernel_size: 5")
    train.write_text(text, "utf-8")
    editor = Editor(tmp_path, **capabilities)
    with editor.process:
        deploy = editor.open(tmp_path / "net_deploy.prototxt", DEPLOY)
        editor.change(deploy, 7, DEPLOY)
        place = editor.at(deploy, 1, DEPLOY.splitlines()[1].index('"conv"') + 1)
        for version in (None, 1):
            edit = editor.request("textDocument/rename", {**place, "newName": "new"})
            assert "changes" not in edit
            found = {one["textDocument"]["uri"]: one for one in edit["documentChanges"]}
            versions = {uri: one["textDocument"]["version"] for uri, one in found.items()}
            assert versions == {deploy: 7, train.as_uri(): version}
            assert applied(DEPLOY, found[deploy]["edits"]) == DEPLOY.replace('"conv"', '"new"')
            editor.open(train, text)
            editor.notify("textDocument/didSave", {"textDocument": {"uri": deploy}})
        editor.request("shutdown", None)
        editor.notify("exit", None)


def test_an_editor_that_leaves_without_shutdown_is_told_so(tmp_path: Path) -> None:
    """By exit code 1, as the protocol says; `editor` is the test of the other."""
    for leave in ("exit", "close"):
        editor = Editor(tmp_path)
        assert editor.process.stdin is not None
        with editor.process:
            if leave == "exit":
                editor.notify("exit", None)
            else:
                editor.process.stdin.close()
            assert editor.process.wait(timeout=60) == 1


def test_the_words_of_a_text_have_their_kinds(editor: Editor, tmp_path: Path) -> None:
    text = (
        '# a net\nlayer { name: "\u00fc\U0001f600" type: "ReLU" bottom: "x" top: "y" # end\n'
        "  loss_weight: [1, 2] phase: TEST include { phase: TRAIN } }\n"
    )
    uri = editor.open(tmp_path / "a.prototxt", text)
    legend = editor.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    (data,) = editor.request(
        "textDocument/semanticTokens/full", {"textDocument": {"uri": uri}}
    ).values()
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    words, row, column = [], 0, 0
    for i in range(0, len(data), 5):
        down, across, size, kind, _ = data[i : i + 5]
        row, column = row + down, across + (0 if down else column)
        word = lines[row][2 * column : 2 * (column + size)].decode("utf-16-le")
        words.append((word, legend[kind]))
    assert words == [
        ("# a net", "comment"), ("layer", "struct"), ("name", "property"),
        ('"\u00fc\U0001f600"', "variable"), ("type", "property"), ('"ReLU"', "class"),
        ("bottom", "property"), ('"x"', "variable"), ("top", "property"), ('"y"', "variable"),
        ("# end", "comment"), ("loss_weight", "property"), ("1", "number"), ("2", "number"),
        ("phase", "property"), ("TEST", "enumMember"), ("include", "struct"),
        ("phase", "property"), ("TRAIN", "enumMember"),
    ]  # fmt: skip
