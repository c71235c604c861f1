"""One layout for text-format files: the same message, every comment."""
