"""Create the tables of usage: what was counted, up to where, and the heads of the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LATENCIES = 14


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    count = sa.BigInteger()
    op.create_table(
        "runner_usage",
        sa.Column("log", sa.Text(), primary_key=True),
        sa.Column("hour", moment, primary_key=True),
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("client", sa.Text(), primary_key=True),
        sa.Column("outcome", sa.Text(), primary_key=True),
        sa.Column("requests", count, nullable=False),
        sa.Column("rows", count, nullable=False),
        sa.Column("errors", count, nullable=False),
        sa.Column("bytes_in", count, nullable=False),
        sa.Column("bytes_out", count, nullable=False),
        sa.Column("nanoseconds", count, nullable=False),
        *(sa.Column(f"latency_{at}", count, nullable=False) for at in range(LATENCIES)),
    )
    op.create_table(
        "runner_usage_positions",
        sa.Column("log", sa.Text(), primary_key=True),
        sa.Column("file", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", count, nullable=False),
    )
    op.create_table(
        "runner_audit_heads",
        sa.Column("writer", sa.String(64), primary_key=True),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("sequence", count, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
    )
