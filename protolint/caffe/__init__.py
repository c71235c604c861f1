"""What each Caffe knows: its messages and fields, and what its BatchNorm does."""
