"""What shows that a result computes what its source does, before it gets its name."""
