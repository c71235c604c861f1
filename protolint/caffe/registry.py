"""Every Caffe by its name, and who of them knows what."""

from __future__ import annotations

from protolint.caffe.bvlc import Bvlc
from protolint.caffe.dialect import Dialect
from protolint.caffe.nvidia_14 import Nvidia14
from protolint.caffe.nvidia_15 import Nvidia15
from protolint.caffe.nvidia_16 import Nvidia16, Nvidia161
from protolint.caffe.nvidia_17 import Nvidia17

__all__ = [
    "AUTO",
    "DEFAULT",
    "DIALECTS",
    "NEWEST",
    "TARGETS",
    "registered_by",
    "resolve_target",
]

#: What a file is taken for when nothing in it points to another Caffe.
DEFAULT: Dialect = Bvlc()
#: What `nvidia` means.
NEWEST: Dialect = Nvidia17()

#: Every Caffe that can be a target, by its name.
DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (DEFAULT, Nvidia14(), Nvidia15(), Nvidia16(), Nvidia161(), NEWEST)
}

#: The five dialects a file is inferred to be of, the most likely first.
TARGETS = ("bvlc", "nvidia-0.17", "nvidia-0.16", "nvidia-0.15", "nvidia-0.14")

#: In place of a target: the one that a file itself points to.
AUTO = "auto"


def resolve_target(name: str) -> Dialect | None:
    """Return the dialect a user means: a full name, or `nvidia` for the newest; None if unknown."""
    wanted = name.strip().lower()
    return NEWEST if wanted == "nvidia" else DIALECTS.get(wanted)


def registered_by(layer_type: str) -> list[str]:
    """Return the names of the dialects in TARGETS that register a layer type."""
    return [name for name in TARGETS if DIALECTS[name].registers(layer_type)]
