"""Fit, store, version and serve models written in R, Julia or Python."""
