"""Note where an artifact lies that is not in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runner_artifacts", sa.Column("location", sa.Text()))
