"""Compare two nets: layer by layer on the same data, or by what a change of the text does."""
