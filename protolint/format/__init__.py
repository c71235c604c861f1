"""Laying a text-format file out anew: one style, the same message, every comment."""
