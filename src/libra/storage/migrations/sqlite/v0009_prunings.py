"""What was pruned, in an order that a Libra which runs can follow; see `libra.storage.keeping`.

A page that is pruned leaves the mark that a deletion leaves, with the number of the batch it was in.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns, and what finds the marks of a batch."""
    op.execute("ALTER TABLE libra_database ADD COLUMN prunings INTEGER NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE pages ADD COLUMN pruned INTEGER")
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_pruning ON pages (pruned, id) WHERE pruned IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX pages_by_pruning")
    op.execute("ALTER TABLE pages DROP COLUMN pruned")
    op.execute("ALTER TABLE libra_database DROP COLUMN prunings")
