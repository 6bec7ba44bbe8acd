"""Real services on real servers, for tests and for `benchmarks.faults`: tests import from here.

project      a service in a folder, and `runner` commands on it
multiplier   the same service in each language, whose answer tells row and version
server       a running `runner serve`
postgres     a private PostgreSQL server that can be stopped and started
"""
