"""protolint in an editor, by the Language Server Protocol."""
