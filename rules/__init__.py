"""The rules, one module each; installed as protolint.rules."""
