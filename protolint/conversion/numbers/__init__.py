"""A plan as new bytes of a model or a solver state."""
