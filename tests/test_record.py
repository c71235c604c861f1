"""Our named tuples are those of typing, but for what it takes to define them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from protolint.record import NamedTuple

NETS = Path(__file__).resolve().parent.parent / "fixtures" / "nets"


class Pair(NamedTuple):
    """Two things."""

    left: int
    right: tuple[str, ...] = ("r",)

    @property
    def double(self) -> int:
        return 2 * self.left


class Long(NamedTuple):
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    j: int = 10
    k: int = 11


class Child(Pair):
    pass


def test_values_are_given_by_place_and_by_name() -> None:
    assert Pair(1) == (1, ("r",)) == Pair(left=1) == Pair(1, right=("r",))
    left, right = Pair(1)
    assert (left, right, Pair(3).double) == (1, ("r",), 6)
    assert Long(1, 2, 3, 4, 5, 6, 7, 8, i=9, k=0)[8:] == (9, 10, 0)
    assert Child(4).double == 8
    assert Child._fields == Pair._fields == ("left", "right")


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'left'"):
        Pair()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        Pair(1, other=2)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="other"):
        Pair(1)._replace(other=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Pair._make([1])
    with pytest.raises(AttributeError):
        Pair(1).left = 2  # type: ignore[misc]


def test_copies_and_words() -> None:
    pair = Pair(1)
    assert pair._replace(left=5) == (5, ("r",))
    assert pair._asdict() == {"left": 1, "right": ("r",)}
    assert repr(pair) == "Pair(left=1, right=('r',))"
    again = pickle.loads(pickle.dumps(pair))
    assert (type(again), again, hash(again)) == (Pair, pair, hash(pair))
    assert copy.deepcopy(pair) == pair
    assert not hasattr(pair, "__dict__")
    match pair:
        case Pair(1, right=(one,)):
            assert one == "r"


def test_a_check_defines_no_other_named_tuple() -> None:
    """Each costs as much as a module."""
    code = (
        "import sys\n"
        "from protolint.cli import exit_code_of\n"
        "exit_code_of(['check', '--isolated', sys.argv[1]])\n"
        "own = [m for n, m in sys.modules.items() if n.partition('.')[0] == 'protolint']\n"
        "types = {v for m in own for v in vars(m).values() if type(v) is type}\n"
        "print(sorted(t.__name__ for t in types if issubclass(t, tuple) and t is not tuple))\n"
    )
    net = str(NETS / "bvlc_train_val.prototxt")
    done = subprocess.run(
        [sys.executable, "-c", code, net], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
