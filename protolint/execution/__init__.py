"""Run any net in NumPy, in TRAIN and in TEST, as each Caffe does."""
