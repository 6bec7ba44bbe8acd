"""Fit, store, version and serve models written in R, Julia or Python."""

__version__ = "0.1.0"
"""The distribution's version; setup.py reads it here."""
