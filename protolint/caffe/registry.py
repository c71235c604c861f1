"""Every Caffe by its name, and who of them knows what."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.caffe.bvlc import Bvlc
from protolint.caffe.descriptors import MessageType, load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.intel import Intel
from protolint.caffe.nvidia_14 import Nvidia14
from protolint.caffe.nvidia_15 import Nvidia15
from protolint.caffe.nvidia_16 import Nvidia16, Nvidia161
from protolint.caffe.nvidia_17 import Nvidia17
from protolint.caffe.ssd import Ssd
from protolint.errors import UsageError

__all__ = [
    "AUTO",
    "DEFAULT",
    "DIALECTS",
    "DIGITS_CAFFE",
    "FOREIGN",
    "HARMLESS_FIELDS",
    "NEWEST",
    "NVIDIA",
    "TARGETS",
    "dialects_of",
    "label_map_type",
    "reader_of_label_maps",
    "registered_by",
    "resolve_target",
    "writer_of_zero_factor",
    "writers_of",
]

#: What a file is taken for when nothing in it points to another Caffe.
DEFAULT: Dialect = Bvlc()
#: What NVIDIA means.
NEWEST: Dialect = Nvidia17()
#: In place of a target: NVIDIA's newest.
NVIDIA = "nvidia"

#: Every Caffe that can be a target, by its name.
DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        DEFAULT,
        Nvidia14(),
        Nvidia15(),
        Nvidia16(),
        Nvidia161(),
        NEWEST,
        Ssd(),
        Intel(),
    )
}

#: The dialects a file is inferred to be of, the most likely first.
TARGETS = (
    "bvlc",
    "ssd",
    "nvidia-0.17",
    "nvidia-0.16",
    "nvidia-0.15",
    "nvidia-0.14",
    "intel",
)

#: The Caffes looked through, in this order, for who knows a field that the target does not.
FOREIGN = tuple(dialect for dialect in DIALECTS.values() if dialect.name in TARGETS)

#: The Caffe that most releases of DIGITS came with (docs/BuildCaffe.md of NVIDIA/DIGITS 4 to 6).
DIGITS_CAFFE = DIALECTS[Nvidia15.name]

#: The harmless fields of every Caffe, as "Message.field".
HARMLESS_FIELDS = frozenset().union(*(dialect.harmless_fields for dialect in DIALECTS.values()))

#: In place of a target: the one that a file itself points to.
AUTO = "auto"


def resolve_target(name: str) -> Dialect | None:
    """Return the dialect a user means: a full name, or `nvidia` for the newest; None if unknown."""
    wanted = name.strip().lower()
    return NEWEST if wanted == NVIDIA else DIALECTS.get(wanted)


def dialects_of(target: str | Dialect | Iterable[str | Dialect] | None) -> tuple[Dialect, ...]:
    """Return the Caffes that are meant, none for None; raises UsageError for an unknown name."""
    given = [target] if target is None or isinstance(target, (str, Dialect)) else target
    found = []
    for one in given:
        dialect = resolve_target(one) if isinstance(one, str) else one
        if dialect is None and one is not None:
            from protolint.suggest import did_you_mean

            hint = did_you_mean(str(one), DIALECTS)
            raise UsageError(f"unknown target '{one}'{hint}; known: {', '.join(DIALECTS)}")
        if dialect is not None:
            found.append(dialect)
    return tuple(found)


def writers_of(layout: str) -> list[Dialect]:
    """Return the Caffes whose weight files may have a layout, the likeliest first.

    Those whose own BatchNorms are laid out so come before those that only read it; among
    them the default one, then the newest.
    """
    found = [d for d in DIALECTS.values() if any(layout in group for group in d.file_layouts)]
    order = list(DIALECTS)

    def likelihood(dialect: Dialect) -> tuple[bool, bool, int]:
        own = any(layout in g and dialect.layouts.intersection(g) for g in dialect.file_layouts)
        return own, dialect is DEFAULT, order.index(dialect.name)

    return sorted(found, key=likelihood, reverse=True)


def writer_of_zero_factor() -> Dialect:
    """Return the Caffe that may write a factor of 0 beside statistics that are no sums."""
    return next(dialect for dialect in DIALECTS.values() if dialect.may_write_factor_zero)


def label_map_type() -> MessageType:
    """Return the LabelMap of the likeliest Caffe that reads label maps."""
    return load_schema(reader_of_label_maps().schema).messages["LabelMap"]


def reader_of_label_maps() -> Dialect:
    """Return the likeliest Caffe that reads label maps."""
    return next(DIALECTS[name] for name in TARGETS if DIALECTS[name].registers("AnnotatedData"))


def registered_by(layer_type: str) -> list[str]:
    """Return the names of the dialects in TARGETS that register a layer type."""
    return [name for name in TARGETS if DIALECTS[name].registers(layer_type)]
