"""What a server that runs all day keeps of the files around a document."""

from __future__ import annotations

import gc
from pathlib import Path
from weakref import ref

import pytest

pytest.importorskip("pygls", reason="the server needs pygls")

from protolint.lsp.document import Client, Opened, open_document
from protolint.lsp.neighbours import Neighbours

_NET = 'layer { name: "d" type: "Data" top: "x" }\n'
_SOLVER = f"net_param {{ {_NET} }}\nbase_lr: 0.1\n"


@pytest.mark.parametrize("text", [_NET, _SOLVER], ids=["a net", "a solver with a net in it"])
@pytest.mark.parametrize("other", ["net.prototxt", "deploy.prototxt"], ids=["save", "another file"])
def test_what_was_read_before_is_let_go_without_a_collector(
    tmp_path: Path, text: str, other: str
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(text, "utf-8")
    neighbours = Neighbours()
    gc.disable()  # The server freezes what is there after each check.
    try:
        workspace = neighbours.workspace(str(path), {})
        document = open_document(Opened(path.as_uri(), text), str(path), Client(), workspace)
        assert document.file is not None
        before = ref(document.file)
        del document, workspace
        assert before() is not None, "neighbours keep what they may be asked for again"
        if other == path.name:
            neighbours.forget()
        neighbours.workspace(str(path.with_name(other)), {})
        assert before() is None
    finally:
        gc.enable()
