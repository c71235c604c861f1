"""A model as every importer reads it: one state, current layers, an Input layer, no losses."""
