"""What differs from Caffe to Caffe while it makes a solver and takes its first steps."""

from __future__ import annotations

from protolint.record import NamedTuple

__all__ = ["Solving"]

_POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")


class Solving(NamedTuple):
    """How one Caffe solves, where others do it in another way.

    Sources, where a field names none: src/caffe/solver.cpp, src/caffe/solvers/sgd_solver.cpp @
    BVLC master, NVIDIA v0.14.5 (solver.cpp alone), v0.15.14, v0.16.6, v0.17.4, weiliu89/caffe
    ssd, Intel 1.1.6.
    """

    #: The names that GetLearningRate takes.
    policies: tuple[str, ...] = _POLICIES
    #: `stepsize` and `gamma` are checked; elsewhere the iteration is divided by a stepsize of 0.
    checks_steps: bool = False
    #: `min_lr` may not be above base_lr (poly) or below 0.
    checks_min_lr: bool = False
    #: Policy poly divides by max_iter, whatever it is.
    divides_by_max_iter: bool = True
    #: The names of `momentum_policy` and `larc_policy`, none where there is no such thing.
    momentum_policies: tuple[str, ...] = ()
    larc_policies: tuple[str, ...] = ()
    #: The names of `eval_type`, none where there is no such field.
    evaluations: tuple[str, ...] = ()
    #: RMSProp works with momentum (include/caffe/sgd_solvers.hpp).
    rmsprop_takes_momentum: bool = False
    #: Without `snapshot_prefix` the solver's own name is taken (upgrade_proto.cpp).
    has_snapshot_prefix: bool = False
    #: `weights` names the files that training starts from (Solver::InitTrainNet).
    loads_weights: bool = False
    #: Without a pass the thread that adds up gradients is waited for without end (Solver::Step,
    #: Net::ReduceAndUpdate).
    waits_for_gradients: bool = False
