"""What is true of a layer type in every Caffe: one module per family."""
