"""What the weights say: the numbers of every BatchNorm, snapshots side by side, a batch of data."""
