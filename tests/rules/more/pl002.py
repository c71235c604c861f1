"""More of PL002: the line of a comment goes with it only where nothing else is on it."""

from protolint.lint.rule import Example, Invalid

_SPLIT = 'input: "x" input_dim: [1, 3, 8, 8]\n%slayer { name: "r" type: "Rule" bottom: "x"%s }\n'


INVALID = (
    Invalid(
        "bvlc",
        'input: "x" # protolint: ignore[NT001] gone\ninput_dim: [1, 3, 8, 8]\n',
        (1,),
        fixed='input: "x"\ninput_dim: [1, 3, 8, 8]\n',
    ),
    Invalid(
        "bvlc",
        'input: "x"\n# protolint: ignore[NT001] gone\ninput_dim: [1, 3, 8, 8]\n',
        (2,),
        fixed='input: "x"\ninput_dim: [1, 3, 8, 8]\n',
    ),
    Invalid(
        "bvlc",
        'input: "x" # a # protolint: ignore[NT001]\n# protolint: ignore[NT001] gone\n',
        (1, 2),
        fixed='input: "x" # a\n',
    ),
    Invalid(
        "bvlc",
        "# protolint: ignore-file[NT001, NT002] gone\n"
        + _SPLIT % ("# protolint: ignore[PT005] ours\n", ""),
        (1,),
        fixed=_SPLIT % ("# protolint: ignore[PT005] ours\n", ""),
    ),
    Invalid("bvlc", 'input: "x"\n  # protolint: ignore[NT001] gone', (2,), fixed='input: "x"\n'),
    Invalid("bvlc", '# protolint: ignore[NT001] gone\ninput: "x" ', (1,), fixed='input: "x" '),
)

VALID = (
    Example("bvlc", _SPLIT % ("# protolint: ignore[PT005] ours\n", "")),
    Example("bvlc", _SPLIT % ("# protolint: disable[unknown-layer-type]\n", "")),
    Example("bvlc", "# protolint: ignore-file[BN001] for NVIDIA\n" + _SPLIT % ("", "")),
    Example("bvlc", _SPLIT % ("", " } # protolint: ignore[PT005] ours\n#")),
)
