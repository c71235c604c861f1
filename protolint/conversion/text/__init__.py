"""A plan as edits of a prototxt or a solver."""
