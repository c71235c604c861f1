"""Estimate the stored mean and variance of BatchNorms again, from the user's own data."""
