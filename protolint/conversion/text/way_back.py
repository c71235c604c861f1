"""What a converted net remembers of its way: lines that take it back to what it was.

    # protolint: target=nvidia-0.15 was=bvlc bn-stat=variance
    # protolint: undo=eJyLNjTSUTA0...

The first says which Caffe a net is for and which it was for, and what its second statistic is where
its blobs do not show that. The second, at the end, holds what was taken out; it is there only where
a net could not come back as the same message without it, and counts as long as nobody edits the
text and no layer keeps other numbers than it did.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from protolint.batchnorm.layouts import is_open
from protolint.batchnorm.state import Statistic
from protolint.caffe.binder import Message
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.step import Action, Plan
from protolint.conversion.text.net import without_conflicts
from protolint.edit import Edit, apply_edits
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.style import line_end
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import infer_target

__all__ = ["content", "origin_of", "same_holders", "undo_line", "undone", "way_edits"]

_HEAD = re.compile(
    r"^[ \t]*# protolint: target=\S+ was=(\S+)(?: bn-stat=(\S+))?[ \t]*\r?\n", re.MULTILINE
)
_UNDO = re.compile(r"^# protolint: undo=([A-Za-z0-9+/=]+)\s*\Z", re.MULTILINE)
#: No text is so long; what would grow beyond it when it is unpacked is none of ours.
_LONGEST = 1 << 26


class Origin(NamedTuple):
    """What a net was converted from, and what the second statistic of its BatchNorms is."""

    dialect: Dialect
    statistic: Statistic | None
    line: Span


def origin_of(source: Source) -> Origin | None:
    """Return what the head line of a net says, None where it has none."""
    found = _HEAD.search(source.text) if " was=" in source.text else None
    if found is None or found[1] not in DIALECTS:
        return None
    known = {statistic.value: statistic for statistic in Statistic}
    return Origin(DIALECTS[found[1]], known.get(found[2] or ""), Span(*found.span()))


def way_edits(file: LintFile, plan: Plan, edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits of the head line of a net that other edits convert, and of an old undo."""
    source, target = file.source, plan.target
    if plan.source == target:
        return []
    text = source.text
    found = [Edit(*old.span(), "") for old in _UNDO.finditer(text)]
    origin = origin_of(source)
    if origin is not None:
        found.append(Edit(*origin.line, ""))
    first = origin.dialect if origin is not None else plan.source
    alike = not edits and origin is None
    if first == target or (alike and not plan.steps):
        return found
    open_ones = [
        step
        for step in plan.steps
        if step.action is not Action.FREEZE and is_open(step.target.layout)
    ]
    data = apply_edits(source.data, without_conflicts([*edits, *found]))
    made = Readings.of(Source(source.path, data), file.build._replace(schema=None))
    reader = infer_target(made).dialect
    if made.directives.targets or (not open_ones and reader == target):
        return found
    # A text that both read alike needs the line only where it would be taken for a third's.
    if alike and reader == plan.source:
        return found
    words = f"target={target.name} was={first.name}"
    if open_ones:
        words += f" bn-stat={Statistic.VARIANCE.value}"
    bom = 3 if source.data.startswith(b"\xef\xbb\xbf") else 0
    return [*found, Edit(bom, bom, f"# protolint: {words}{line_end(source)}")]


def undo_line(source: Source, before: Dialect, edits: Sequence[Edit]) -> str:
    """Return what to put at the end of an edited text, so that `undone` gives it as it was."""
    from base64 import b64encode
    from json import dumps

    pieces: list[tuple[int, int, str]] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        added = len(edit.text.encode("utf-8", "surrogateescape"))
        pieces.append((edit.start - at, added, source.text[edit.start : edit.end]))
        at = edit.end
    data = apply_edits(source.data, edits)
    end = "" if data.endswith(b"\n") else line_end(source)
    if end:
        pieces.append((len(source.data) - at, len(end), ""))
    parts = [before.name, zlib.crc32(data + end.encode()), pieces]
    packed = zlib.compress(dumps(parts, separators=(",", ":")).encode(), 9)
    return f"{end}# protolint: undo={b64encode(packed).decode()}{line_end(source)}"


def undone(source: Source, target: Dialect) -> bytes | None:
    """Return the text for the target that a text was made of, by one conversion or several.

    None where there is none, or where somebody has edited the text since.
    """
    data = source.data
    while True:
        found = _UNDO.search(data.decode("latin-1"))
        if found is None:
            return None
        from base64 import b64decode
        from json import loads

        try:
            unpacker = zlib.decompressobj()
            packed = b64decode(found[1], validate=True)
            name, known, pieces = loads(unpacker.decompress(packed, _LONGEST))
            former, at = [], 0
            for gap, added, text in pieces:
                former += [data[at : at + gap], text.encode("latin-1")]
                at += gap + added
        except (ValueError, TypeError, AttributeError, zlib.error):
            return None
        data = data[: found.start()]
        if zlib.crc32(data) != known:
            return None
        data = b"".join([*former, data[at:]])
        if name == target.name:
            return data


def content(message: Message) -> list[tuple[str, object]]:
    """Return what a message says, to be compared: each field with its values, in their order."""
    return sorted(
        (
            (name, [content(value) if isinstance(value, Message) else value for value, _ in values])
            for name, values in message.values.items()
        ),
        key=lambda field: field[0],
    )


def same_holders(one: Net, two: Net) -> bool:
    """Whether two nets have their numbers in the same layers, so that one file serves both."""
    return _holders(one) == _holders(two)


def _holders(net: Net) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for layer in net.layers:
        more: tuple[object, ...] = ()
        if layer.type == "BatchNorm":
            traits = net.traits(layer)
            more = (traits.kind.layout_of(affine=traits.affine), traits.eps)
        elif layer.type == "Scale":
            param = layer.parameter("scale_param")
            more = (param is not None and param.flag("bias_term"),)
        if layer.type not in ("Input", "Reshape"):
            found.add((layer.name, layer.type, *more))
    return found
