"""Note where artifacts lie that are not in the database, and those of deleted versions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runner_artifacts", sa.Column("location", sa.Text()))
    op.create_table(
        "runner_leftovers",
        sa.Column("location", sa.Text(), primary_key=True),
        sa.Column("service", sa.Text(), nullable=False),
    )
    op.create_index("runner_leftovers_by_service", "runner_leftovers", ["service"])
