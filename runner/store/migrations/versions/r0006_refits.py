"""Note which moment of a service's schedule a server has taken last."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "runner_refits",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
    )
