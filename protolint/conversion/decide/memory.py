"""What a layer was before a conversion, kept in a comment so that the way back restores it.

    layer {  # protolint: was[bvlc, scale=conv1_scale, eps=1e-06]
    layer {  # protolint: added

The first says that the BatchNorm was, for BVLC, followed by a Scale layer of that name, with
that eps; the second that a conversion put the layer in. Only this module knows the comments,
so that what has no comments (a weight file) can remember in its own way.
"""

from __future__ import annotations

import re

from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.forms import shortest, single
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.tree import Block

__all__ = ["ADDED", "Memory", "comment_of", "is_added", "mark", "recall"]

ADDED = "# protolint: added"

_WAS = re.compile(r"[ \t]*#[ \t]*protolint:[ \t]*was[ \t]*\[([^\]\n]*)\]")
_ADDED = re.compile(r"[ \t]*#[ \t]*protolint:[ \t]*added\b")
_REST = re.compile(r"[ \t]*(?=#)[^\n]*")
_RESERVED = re.compile(r"[%,=#\[\]\x00-\x20\x7f]")


class Memory(NamedTuple):
    """What a BatchNorm was in another Caffe, as far as the layer does not show it.

    `scale` is the Scale layer that followed it, `bias` whether that had one; `apart` says
    that such a layer still follows and was not to be merged, `plain` that the BatchNorm had
    no gamma and beta. `eps` is the one it used, `engine` the one it named ("DEFAULT": none).
    """

    dialect: str
    scale: str = ""
    bias: bool = True
    apart: bool = False
    plain: bool = False
    eps: float | None = None
    engine: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember but where the layer comes from."""
        return self == Memory(self.dialect)


def mark(memory: Memory) -> str:
    """Return the comment that says a memory."""
    parts = [memory.dialect]
    if memory.scale:
        parts.append(f"scale={_escaped(memory.scale)}")
    parts += [word for word in ("apart", "plain") if getattr(memory, word)]
    if not memory.bias:
        parts.append("no-bias")
    if memory.eps is not None:
        parts.append(f"eps={shortest(memory.eps)}")
    if memory.engine:
        parts.append(f"engine={memory.engine}")
    return f"# protolint: was[{', '.join(parts)}]"


def recall(source: Source, node: Block) -> Memory | None:
    """Return what the comments of a layer remember; None where they remember nothing."""
    found = comment_of(source, node, _WAS)
    if found is None:
        return None
    listed = _WAS.match(source.text, found.start)
    text = source.decode(*listed.span(1)) if listed is not None else ""
    first, *rest = (part.strip(" \t") for part in text.split(","))
    if first not in DIALECTS:
        return None
    memory = Memory(first)
    for part in rest:
        key, _, value = part.partition("=")
        if key == "apart":
            memory = memory._replace(apart=True)
        elif key == "plain":
            memory = memory._replace(plain=True)
        elif key == "no-bias":
            memory = memory._replace(bias=False)
        elif key == "scale":
            from urllib.parse import unquote

            memory = memory._replace(scale=unquote(value))
        elif key == "engine" and value in ("DEFAULT", "CAFFE", "CUDNN"):
            memory = memory._replace(engine=value)
        elif key == "eps":
            memory = memory._replace(eps=_number(value))
    return memory


def is_added(source: Source, node: Block) -> bool:
    """Whether a comment says that a conversion put the layer in."""
    return comment_of(source, node, _ADDED) is not None


def comment_of(source: Source, node: Block, what: re.Pattern[str] = _WAS) -> Span | None:
    """Where the comment of a layer is, with the blanks before it.

    It stands right behind the brace that opens the layer, or, for a layer on one line, behind
    the one that closes it.
    """
    text = source.text
    found = what.match(text, node.value_start + 1)
    if found is None:
        rest = _REST.match(text, node.end)
        found = what.match(text, node.end) if rest is not None else None
    return Span(*found.span()) if found is not None else None


def _escaped(name: str) -> str:
    return _RESERVED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _number(text: str) -> float | None:
    try:
        return single(float(text))
    except ValueError:
        return None
