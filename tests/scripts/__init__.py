"""The bash scripts."""
