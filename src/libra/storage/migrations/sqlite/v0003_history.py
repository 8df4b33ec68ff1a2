"""The tables that identify a database and its history: see `libra.storage.history`.

They hold its id, a row for each writer, whose counter grows with each batch, and the lease of the one
writer. Pages get a column for the idempotency key of their submission.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; some may exist if only others were dropped."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS libra_database (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            id TEXT NOT NULL,
            made_at TEXT NOT NULL,
            pruned_before TEXT
        )
        """
    )
    # A second run means that tables were dropped, with their content: then this is another database.
    op.execute("DELETE FROM libra_database")
    op.execute(
        """
        INSERT INTO libra_database (one, id, made_at)
        SELECT 1, lower(hex(randomblob(16))), datetime('now')
        """
    )
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS libra_writers (
            instance TEXT NOT NULL PRIMARY KEY,
            counter INTEGER NOT NULL CHECK (counter > 0),
            at TEXT NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS libra_lease (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            instance TEXT NOT NULL,
            life TEXT NOT NULL,
            place TEXT NOT NULL,
            until TEXT NOT NULL
        )
        """
    )
    # The key of a page's submission, for a client that sends the submission again.
    op.execute("ALTER TABLE pages ADD COLUMN idempotency text")
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_key ON pages (id) WHERE idempotency IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop the tables and the column."""
    op.execute("DROP INDEX pages_by_key")
    op.execute("ALTER TABLE pages DROP COLUMN idempotency")
    op.execute("DROP TABLE libra_lease")
    op.execute("DROP TABLE libra_writers")
    op.execute("DROP TABLE libra_database")
