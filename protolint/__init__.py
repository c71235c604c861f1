"""protolint: a linter for Caffe nets that knows how BatchNorm differs from Caffe to Caffe."""
