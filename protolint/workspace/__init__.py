"""The files of one run: configuration, discovery, reading, relatives, target."""
