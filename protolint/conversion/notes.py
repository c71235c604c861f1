"""What the coded notes of a conversion mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["CODES", "NoteCode"]


class NoteCode(NamedTuple):
    """The name of a code, in one line what it tells, and what that means for the user."""

    name: str
    summary: str
    about: str


#: Every code that a note of a conversion has, in order.
CODES: Mapping[str, NoteCode] = MappingProxyType(
    {
        "CV001": NoteCode(
            "factor-folded",
            "Mean and variance were divided by their factor, which is stored as 1.",
            "BVLC Caffe stores sums and the factor to divide them by. The result holds mean and\n"
            "variance themselves, which every Caffe reads alike. Nothing is lost; for training\n"
            "that goes on in BVLC Caffe, --resume writes the factor of a long run.",
        ),
        "CV002": NoteCode(
            "scale-not-merged",
            "A Scale layer stays, as one BatchNorm would not compute or learn the same.",
            "The note gives the reason: a second bottom, another axis, another reader of the\n"
            "blob, other phases, shared parameters, or multipliers that the target would set\n"
            "to 1. "
            "The two layers compute what they did; nothing has to be done.",
        ),
        "CV003": NoteCode(
            "eps-changed",
            "The target cannot use the eps of the source, so the statistics make up for it.",
            "NVIDIA 0.14 on cuDNN always adds 1e-4, NVIDIA from 0.16 on at least 1e-5 (0.16.1 at\n"
            "least 1e-4). The difference goes into the variance, or into gamma where the variance\n"
            "would be below 0. Tests compute the same. Training uses the new eps.",
        ),
        "CV004": NoteCode(
            "freeze-settings-lost",
            "use_global_stats is left out or ignored, so training does not keep the statistics.",
            "Layers that were frozen, or not, by this field are no longer. Weights that are\n"
            "converted without their prototxt cannot follow it: convert both in the same call,\n"
            "where a frozen BatchNorm becomes a Scale layer.",
        ),
        "CV005": NoteCode(
            "statistics-reset-on-finetune",
            "Training in the target begins with statistics of its own, not with the stored ones.",
            "The first batch replaces the mean and variance that were loaded. Tests use them as\n"
            "they are. For fine-tuning take a large first batch, or freeze the BatchNorm layers\n"
            "before the conversion with use_global_stats: true.",
        ),
        "CV006": NoteCode(
            "shared-params-blocked",
            "A parameter shared by name keeps a BatchNorm and its Scale from becoming one layer.",
            "The blobs of the two layers stay apart, as another layer uses one of them under the\n"
            "same name (`param { name: }`). Take the names out first if the layers are to be one.",
        ),
    }
)
