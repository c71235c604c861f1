"""Estimate the stored mean and variance of BatchNorms anew, from the user's own data."""
