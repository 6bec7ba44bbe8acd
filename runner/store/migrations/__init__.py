"""Alembic's scripts for the store; `runner.store.migrate` runs them.

A new revision: add `versions/rNNNN_what_it_does.py` with the next number, set `migrate.HEAD` to it
and change `schema.py` alike; the tests compare the two. There is only `upgrade()`: the way back is
a backup, and a `downgrade()` that pretends otherwise loses data.
"""
