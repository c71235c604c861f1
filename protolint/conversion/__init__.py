"""Moving a net from one Caffe to another: its prototxt, weights and solver state."""
