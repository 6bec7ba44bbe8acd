"""Benchmarks that anyone can run: each starts what it measures, and says how it measured.

faults     faults under load, and what the server showed of each
serving    services and servers to try things on, which tests share
predict    requests a second and latencies, three languages beside a bare Falcon response
scale      10 and 10,000 versions; start; memory by process; what idle services cost
peers      ours beside Palladium, MLServer, LitServe, MLflow, BentoML, vetiver and plumber
large      peak memory of fit and serve for 1,000,000 × 20 numbers
"""
