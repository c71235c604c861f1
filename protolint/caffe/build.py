"""How a user's own Caffe differs from the dialect it is a build or a fork of."""

from __future__ import annotations

from typing import NamedTuple

from protolint.caffe.descriptors import Schema

__all__ = ["STANDARD", "Build"]


class Build(NamedTuple):
    """One Caffe on somebody's machine.

    `schema` replaces the dialect's own; `cudnn` is False for a build without cuDNN, for
    Intel's Caffe without MKL. `layer_types` and `extra_fields` ("LayerParameter.my_param", or
    "my_param" in any message) are what a fork adds. `fine_tunes` says that training starts from
    weights that are loaded.
    """

    schema: Schema | None = None
    cudnn: bool = True
    layer_types: frozenset[str] = frozenset()
    extra_fields: frozenset[str] = frozenset()
    fine_tunes: bool = False

    def adds_field(self, message: str, field: str) -> bool:
        """Whether the fork has a field that the schema does not know."""
        return field in self.extra_fields or f"{message}.{field}" in self.extra_fields


#: A release as it is published, with cuDNN.
STANDARD = Build()
