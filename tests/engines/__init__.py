"""Run models from the engines of clusters: `scripts/test engines`, apart from `scripts/test`."""
