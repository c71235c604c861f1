"""More of PL002: the line of a comment goes with it only where nothing else is on it."""

from protolint.lint.rule import Invalid

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
)
