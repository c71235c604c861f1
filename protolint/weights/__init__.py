"""Weight files: where each layer and blob lies, its values, and rewriting by splicing."""
