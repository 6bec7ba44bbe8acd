"""Benchmarks that anyone can run: each starts what it measures, and says how it measured.

predict    requests a second and latencies, three languages beside a bare Falcon response
large      peak memory of fit and serve for 1,000,000 × 20 numbers
"""
