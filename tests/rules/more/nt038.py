"""More of NT038: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt038_sampler_out_of_range import _net

VALID = (
    Example("ssd", _net("min_scale: 0.3 max_scale: 1.0 min_aspect_ratio: 0.5")),
    Example("ssd", _net("min_scale: 0", "use_original_image: false")),
    Example("ssd", _net("min_scale: 0", "max_sample: 0")),
    Example("ssd", _net("", distort="brightness_delta: -1")),
    Example("ssd", _net("", distort="contrast_prob: 1 contrast_lower: 0.5 contrast_upper: 1.5")),
    Example("ssd", _net("max_aspect_ratio: 2")),
    Example("ssd", _net("min_scale: 0").replace("type:", "include { min_level: 2 } type:", 1)),
    Example("ssd", _net("", distort="brightness_prob: 1")),
    Example("ssd", _net("", distort="contrast_lower: 2 contrast_upper: 1")),
    Example("ssd", _net("", distort="contrast_prob: 1 contrast_upper: 1.5")),
    Example("ssd", _net("", distort="contrast_prob: 1 contrast_lower: 1 contrast_upper: 1")),
)
INVALID = (
    Invalid("nvidia-0.17", _net("min_scale: 0.5 max_scale: 2"), (5,)),
    Invalid("ssd", _net("min_scale: 0.9 max_scale: 0.5"), (5,)),
    Invalid("intel", _net("min_aspect_ratio: 2"), (5,)),
    Invalid("ssd", _net("min_aspect_ratio: 0"), (5,)),
    Invalid("ssd", _net("", distort="brightness_prob: 1 brightness_delta: -1"), (8,)),
    Invalid("ssd", _net("", distort="contrast_prob: 1 contrast_lower: 2"), (8,)),
    Invalid("ssd", _net("min_scale: 0", "max_sample: 1"), (5,)),
    Invalid("ssd", _net("", distort="hue_prob: 1 hue_delta: -1"), (8,)),
    Invalid("ssd", _net("", distort="saturation_prob: 1 saturation_lower: 2"), (8,)),
    Invalid("ssd", _net("", distort="contrast_prob: 1\ncontrast_lower: -1"), (9,)),
    Invalid("ssd", _net("", distort="contrast_upper: -1\ncontrast_prob: 1"), (9,)),
    Invalid("ssd", _net("min_scale: 0.9\nmax_scale: 0.5"), (6,)),
    Invalid("ssd", _net("\nmin_aspect_ratio: 2"), (6,)),
)
