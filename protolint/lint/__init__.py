"""Checking files: rules, their contract and registry, the runner, suppressions, fixes."""
