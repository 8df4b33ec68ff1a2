"""Marks of pruned pages, in an order that a running Libra can follow; see `libra.storage.keeping`.

A pruned page leaves the same mark as a deleted one, with the number of its pruning.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns, and an index that finds the marks of a pruning."""
    op.execute(
        "ALTER TABLE libra_database ADD COLUMN IF NOT EXISTS prunings bigint NOT NULL DEFAULT 0"
    )
    op.execute("ALTER TABLE pages ADD COLUMN IF NOT EXISTS pruned bigint")
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_pruning ON pages (pruned, id) WHERE pruned IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop the index and the columns."""
    op.execute("DROP INDEX pages_by_pruning")
    op.execute("ALTER TABLE pages DROP COLUMN pruned")
    op.execute("ALTER TABLE libra_database DROP COLUMN prunings")
