"""Which layout is a BatchNorm of a weight file? Evidence, candidates, and how sure.

A file does not say. Number and sizes of the blobs leave few layouts; marks of the
writer, the factor and impossible values leave fewer. Where more than one is left that
would give different numbers, the verdict is uncertain, and the caller refuses and names
the switch. The hints are those of CopyTrainedLayersFrom in src/caffe/net.cpp @ v0.16.1
to v0.17.4 and of what each framework writes (see layouts.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.facts import LayerFacts
from protolint.batchnorm.layout_evidence import (
    doubt,
    factor_of,
    fits,
    intel_mark,
    is_wide,
    negative,
    no_inverse,
    nvidia_mark,
    param_order,
    sizes,
    trained,
)
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.sources import SOURCES, sources_of
from protolint.batchnorm.state import Statistic
from protolint.caffe.registry import writer_of_zero_factor
from protolint.record import NamedTuple

__all__ = ["BN_STAT", "FROM", "Candidate", "Detection", "detect"]

# The switches that settle what a file leaves open.
FROM, BN_STAT = "--from", "--bn-stat"


_LEFT_AT_ZERO = "as v0.16.1 to v0.16.4 leave it"


class Candidate(NamedTuple):
    """A layout a layer may have, and what speaks for it."""

    layout: Layout
    evidence: tuple[str, ...]

    @property
    def writer(self) -> str:
        """The name of the writer to ask for, "" for none."""
        names = sources_of(self.layout.name)
        if self.evidence[:1] == (_LEFT_AT_ZERO,):
            return writer_of_zero_factor().name
        return names[0] if names else ""


class Detection(NamedTuple):
    """The candidates, best first; `certain` when there is one and nothing to ask.

    Otherwise `reason` says what is not known, and `switch` which option settles it. No
    candidate at all: `reason` says why the blobs are no BatchNorm this program knows.
    """

    candidates: tuple[Candidate, ...]
    reason: str = ""
    switch: str = ""

    @property
    def certain(self) -> bool:
        """Whether there is exactly one candidate, and nothing to ask."""
        return len(self.candidates) == 1 and not self.reason

    @property
    def layout(self) -> Layout | None:
        """The layout, if it is certain."""
        return self.candidates[0].layout if self.certain else None

    @property
    def question(self) -> str:
        """What is not known, and the values of the switch that settles it; "" if certain."""
        choices = ""
        if self.switch == BN_STAT:
            choices = f"say which with {BN_STAT} variance or {BN_STAT} inv-std"
        elif self.switch == FROM:
            asked = [
                f"{FROM} {candidate.writer} ({', '.join(candidate.evidence)})"
                for candidate in self.candidates
                if candidate.writer
            ]
            choices = f"say who wrote it: {' or '.join(dict.fromkeys(asked))}"
        return f"{self.reason}; {choices}" if choices else self.reason


def detect(
    facts: LayerFacts, *, source: str | None = None, statistic: Statistic | None = None
) -> Detection:
    """Which layout the layer has.

    `source` is what the user says wrote the file (a name of SOURCES, the switch
    `--from`), `statistic` what the second statistic is (`--bn-stat`). Both are believed
    wherever the sizes of the blobs allow it. Raises KeyError for an unknown source.
    """
    if facts.type not in ("BatchNorm", "BN"):
        return Detection((), f"a layer of type '{facts.type}' is no BatchNorm")
    if source is not None:
        found = _as_written_by(facts, source)
    else:
        table = _OLD_FORKS if facts.type == "BN" else _COUNTS
        found = table.get(len(facts.blobs), _unknown)(facts)
    if statistic is not None:
        found = _with_statistic(found, statistic, f"{BN_STAT} {statistic.value}")
    elif facts.statistic is not None:
        found = _with_statistic(found, facts.statistic, "as protolint convert remarked")
    return _settled(facts, found)


def _as_written_by(facts: LayerFacts, source: str) -> Detection:
    """Return the layouts of one writer that the blobs fit."""
    for group in SOURCES[source]:
        fitting = [LAYOUTS[name] for name in group if fits(LAYOUTS[name], facts.blobs)]
        # The two engines of 0.15 have one order; their shapes differ.
        engine = [layout for layout in fitting if (layout.axes == (1, 2)) == is_wide(facts.blobs)]
        if fitting:
            asked = f"{FROM} {source}"
            return Detection(tuple(Candidate(layout, (asked,)) for layout in engine or fitting))
    return Detection((), f"{sizes(facts)} fit no BatchNorm that {source} writes")


def _with_statistic(found: Detection, statistic: Statistic, asked: str) -> Detection:
    """Keep the candidates with this statistic; B3 becomes its oldest form if asked."""
    kept: list[Candidate] = []
    for candidate in found.candidates:
        layout = candidate.layout
        if layout.name == "B3" and statistic is Statistic.SECOND_MOMENT:
            layout = LAYOUTS["B3-second-moment"]
        if layout.statistic is statistic:
            kept.append(Candidate(layout, (*candidate.evidence, asked)))
    # A layer that can only be one thing is not asked about it.
    return Detection(tuple(kept), found.reason, found.switch) if kept else found


def _settled(facts: LayerFacts, found: Detection) -> Detection:
    """Choose between variance and inverse deviation, where values decide it, or ask."""
    if len({candidate.layout.statistic for candidate in found.candidates}) < 2:
        return found
    kept: list[Candidate] = []
    question = ""
    for candidate in found.candidates:
        if candidate.layout.statistic is Statistic.INVERSE_DEVIATION:
            proof = no_inverse(candidate.layout, facts)
            if proof:
                # The candidate before it is the same layout with a variance.
                kept[-1] = Candidate(kept[-1].layout, (*kept[-1].evidence, proof))
                continue
            question = doubt(candidate.layout, facts)
        kept.append(candidate)
    if found.reason or not question:
        return Detection(tuple(kept), found.reason, found.switch)
    return Detection(tuple(kept), question, BN_STAT)


def _unknown(facts: LayerFacts) -> Detection:
    """Blobs nobody writes."""
    if not facts.blobs:
        return Detection((), "it has no blobs")
    if facts.type == "BatchNorm" and len(facts.blobs) == 2:
        return Detection((), "two blobs are gamma and beta of an early Intel build: no statistics")
    return Detection((), f"{sizes(facts)} are no BatchNorm this program knows")


def _three(facts: LayerFacts) -> Detection:
    """B3, or N16-3, which differs in what the factor means."""
    if not fits(LAYOUTS["B3"], facts.blobs):
        return _unknown(facts)
    factor, nvidia = factor_of(facts.blobs[2]), nvidia_mark(facts)
    if not 0 <= factor < np.inf:
        reason = f"no Caffe computes a factor of {factor:g}"
        return _ask(reason, ("B3", "three blobs"), ("N16-3", nvidia or "would not use it"))
    if nvidia and factor in (0.0, 1.0):
        note = "v0.16.1 to v0.16.4 leave" if factor == 0 else "v0.16.5 and later write"
        return _sure(("N16-3", nvidia, f"a factor of {factor:g}, as {note} it"))
    if nvidia:
        reason = (
            f"the factor {factor:g} comes from a file with sums: mean and variance are still"
            " multiplied by it if NVIDIA Caffe only loaded and saved them, not if it trained on"
        )
        return _ask(reason, ("B3", f"factor {factor:g}"), ("N16-3", nvidia))
    if factor == 0 and trained(facts.blobs[:2]):
        reason = "factor 0 beside statistics: BVLC reads them as 0, NVIDIA 0.16 as they are"
        return _ask(reason, ("N16-3", _LEFT_AT_ZERO), ("B3", "no NVIDIA mark"))
    meaning = {0.0: ", never trained", 1.0: ", for which every reading is the same"}
    evidence = [f"three blobs, factor {factor:g}{meaning.get(factor, '')}", "no NVIDIA mark"]
    if facts.scale is not None:
        evidence.append(f"Scale '{facts.scale}' follows")
    return _sure(("B3", *evidence))


def _four(facts: LayerFacts) -> Detection:
    """Intel without beta."""
    if not fits(LAYOUTS["I4"], facts.blobs):
        return _unknown(facts)
    return _sure(("I4", "four blobs, the third of one value"))


def _five(facts: LayerFacts) -> Detection:
    """Distinguish the orders of NVIDIA 0.14 to 0.16 and Intel's by the blob of one value."""
    if max(values.size for values in facts.blobs) == 1:
        return _one_channel(facts)
    if fits(LAYOUTS["N15A"], facts.blobs):
        last = "the last of five blobs has one value: the order of 0.15"
        if is_wide(facts.blobs):
            return _sure(*_either("N15C", last, "shapes (1,C,1,1): engine CUDNN"))
        return _sure(("N15A", last, "shapes (C): engine CAFFE"))
    if not fits(LAYOUTS["N16-5"], facts.blobs):
        return _unknown(facts)
    not_new, not_old = negative(facts.blobs[1], "blob 1"), negative(facts.blobs[4], "blob 4")
    if not_new and not_old:
        return Detection((), f"{not_new}, and {not_old}: no order fits")
    return _gamma_first(facts, not_new) if not_new else _third_single(facts, not_old)


def _gamma_first(facts: LayerFacts, not_new: str) -> Detection:
    """Five blobs, the third of one value, the second no variance: the order of 0.14."""
    nvidia = nvidia_mark(facts)
    if nvidia:
        reason = f"{not_new}: the order of 0.14, which 0.16 and 0.17 misread, but {nvidia}"
        return _ask(reason, *_either("N14C", not_new), ("N16-5", nvidia))
    return _sure(*_either("N14C", not_new))


def _third_single(facts: LayerFacts, not_old: str) -> Detection:
    """Five blobs, the third of one value: N16-5, I5, or N14C unless `not_old` says no."""
    factor, nvidia, intel = factor_of(facts.blobs[2]), nvidia_mark(facts), intel_mark(facts)
    if nvidia and factor in (0.0, 1.0):
        return _sure(("N16-5", nvidia, f"factor {factor:g}"))
    if nvidia:
        reason = (
            f"the factor {factor:g} comes from an Intel file: mean and variance are still"
            " multiplied by it if NVIDIA Caffe only loaded and saved them, not if it trained on"
        )
        return _ask(reason, ("I5", f"factor {factor:g}"), ("N16-5", nvidia))
    if intel or factor not in (0.0, 1.0):
        return _sure(("I5", intel or f"a factor of {factor:g}, which only Intel's order has"))
    if factor == 1:
        return _sure(("N16-5", "factor 1, for which 0.16 and Intel mean the same"))
    if not_old:
        return _sure(("N16-5", not_old, "factor 0"))
    order = param_order(facts)
    if order == "first":
        return _sure(("N16-5", "the first three param blocks are frozen", "factor 0"))
    old = "the unused blob is 0, no mark of NVIDIA 0.16"
    if is_wide(facts.blobs):
        return _sure(*_either("N14C", "shapes (1,C,1,1): engine CUDNN of 0.14", old))
    reason = "a third blob of 0 fits 0.14 with cuDNN and 0.16.1 to 0.16.4, whose orders differ"
    if order == "last":
        return _ask(reason, *_either("N14C", old), ("N16-5", "shapes (C)"))
    return _ask(reason, ("N16-5", "shapes (C)"), *_either("N14C", old))


def _one_channel(facts: LayerFacts) -> Detection:
    """Five blobs of one value each: every order fits."""
    nvidia, wide, order = nvidia_mark(facts), is_wide(facts.blobs), param_order(facts)
    if order == "first" and factor_of(facts.blobs[2]) == 1:
        # Scrambled by loading, blob 2 would be beta: 1 only by chance.
        return _sure(("N16-5", "the first three param blocks are frozen", "factor 1"))
    if order == "last" and not wide and factor_of(facts.blobs[4]) == 0:
        # 0.16 and later write their own param blocks, frozen first: they never saved this.
        return _sure(("N15A", "the last three param blocks are frozen", "the last blob is 0"))
    reason = "a BatchNorm of one channel with five blobs fits every order"
    if nvidia:
        reason += ", and 0.16 and 0.17 scramble their own when they load one"
    shape = "shapes (1,1,1,1)" if wide else "shapes (1)"
    new = (("N16-5", nvidia or shape), ("I5", intel_mark(facts) or shape))
    old = (*_either("N15C", shape), *_either("N14C", shape)) if wide else (("N15A", shape),)
    return _ask(reason, *new, *old)


def _segnet(facts: LayerFacts) -> Detection:
    """Type BN with two blobs."""
    if not fits(LAYOUTS["SEG"], facts.blobs):
        return _unknown(facts)
    if facts.bn_mode == 1:
        return _sure(("SEG", "two blobs, bn_mode INFERENCE"))
    reason = (
        "two blobs without bn_mode INFERENCE: weights of a training net hold no statistics, only"
        " those written by SegNet's compute_bn_statistics.py do"
    )
    return _ask(reason, ("SEG", "two blobs"))


def _yjx(facts: LayerFacts) -> Detection:
    """Type BN with four blobs."""
    if not fits(LAYOUTS["YJX"], facts.blobs):
        return _unknown(facts)
    if is_wide(facts.blobs):
        return _sure(("PSP", "four blobs of shapes (1,C,1,1)"))
    return _sure(*_either("YJX", "four blobs of type BN"))


_COUNTS: dict[int, Callable[[LayerFacts], Detection]] = {3: _three, 4: _four, 5: _five}
_OLD_FORKS: dict[int, Callable[[LayerFacts], Detection]] = {2: _segnet, 4: _yjx}


def _sure(*found: tuple[str, ...]) -> Detection:
    """Return a detection from (name, evidence ...) tuples, with nothing to ask about the order."""
    return Detection(tuple(Candidate(LAYOUTS[name], tuple(why)) for name, *why in found))


def _ask(reason: str, *found: tuple[str, ...]) -> Detection:
    """Return a detection that only the user can settle, by saying who wrote the file."""
    return Detection(_sure(*found).candidates, reason, FROM)


def _either(name: str, *evidence: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a cuDNN layout with either statistic, the variance first."""
    return (name, *evidence), (f"{name}-inv-std", *evidence)
