"""The conformance kit's models, one for each language that it knows (README.md)."""
