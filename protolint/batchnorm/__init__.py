"""BatchNorm in numbers: the state every layout decodes to, the layouts, the formula."""
