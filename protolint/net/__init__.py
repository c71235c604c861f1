"""The net as Caffe builds it: layers, states, views and blob versions."""
