"""`python -m protolint`."""

from protolint.cli import main

main()
