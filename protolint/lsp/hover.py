"""What a field is: what it takes, what it reads as where it is not set, in which Caffe."""

from __future__ import annotations

from protolint.caffe.descriptors import FieldType, load_schema
from protolint.caffe.registry import DIALECTS
from protolint.lsp.place import field_at, place_at
from protolint.source import Span

__all__ = ["describe_field"]


def describe_field(text: str, offset: int, root: str) -> tuple[Span, str] | None:
    """Return the place and the account of the field whose name is at an offset, in Markdown.

    `root` is the name of the file's message, as NetParameter. None where no Caffe knows a field
    there.
    """
    # From anywhere in the name, its first letter too, to its end.
    while text[offset : offset + 1].isidentifier():
        offset += 1
    place = place_at(text, offset)
    if place is None or place.field:
        return None
    name = text[place.start : place.end]
    accounts: dict[str, list[str]] = {}
    for dialect in DIALECTS.values():
        message = load_schema(dialect.schema).messages.get(root)
        field = None if message is None else field_at(message, place, name)
        account = "not known" if field is None else _account(field)
        accounts.setdefault(account, []).append(dialect.name)
    if set(accounts) == {"not known"}:
        return None
    lines = [f"**{name}**"]
    if len(accounts) == 1:
        lines.append(next(iter(accounts)))
    else:
        lines += [f"{', '.join(names)}: {account}" for account, names in accounts.items()]
    return Span(place.start, place.end), "\n\n".join(lines)


def _account(field: FieldType) -> str:
    """Return what a field takes and its default, in words."""
    takes = field.takes
    if field.kind == "message":
        takes = f"a message, {field.target.rpartition('.')[2]}"
    if field.repeated:
        return f"{takes}; any number of times"
    if field.kind == "message" or field.default_text is None:
        return takes
    default = field.default
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{takes}; {shown} if not set"
