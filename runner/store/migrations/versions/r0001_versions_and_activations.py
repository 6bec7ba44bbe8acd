"""Create models, versions, artifacts in chunks and activations.

NOTE: written out, not taken from schema.py: a migration must do tomorrow what it did today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)

    state = op.create_table(
        "runner_state",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0}])

    op.create_table(
        "runner_models",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("active_number", sa.Integer()),
    )
    op.create_table(
        "runner_artifacts",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "runner_chunks",
        sa.Column("artifact_id", row_id, sa.ForeignKey("runner_artifacts.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Artifacts are mostly compressed or random numbers: do not try to compress them again.
        op.execute("ALTER TABLE runner_chunks ALTER COLUMN data SET STORAGE EXTERNAL")

    op.create_table(
        "runner_versions",
        sa.Column("service", sa.Text(), sa.ForeignKey("runner_models.service"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("created", moment, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("artifact_id", row_id, sa.ForeignKey("runner_artifacts.id"), nullable=False),
        sa.Column("deleted", moment),
        sa.Column("deleted_by", sa.Text()),
    )
    op.create_index(
        "runner_versions_stored",
        "runner_versions",
        ["service", "number"],
        sqlite_where=sa.text("deleted IS NULL"),
        postgresql_where=sa.text("deleted IS NULL"),
    )
    op.create_table(
        "runner_activations",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("service", sa.Text(), sa.ForeignKey("runner_models.service"), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Integer()),
        sa.Column("to_number", sa.Integer()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service", "to_number"], ["runner_versions.service", "runner_versions.number"]
        ),
    )
    op.create_index("runner_activations_by_service", "runner_activations", ["service", "id"])
