"""Checking files: rules and their registry, targets, discovery, configuration, the runner."""
