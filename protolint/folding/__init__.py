"""BatchNorm and Scale layers folded into the layer above them."""
