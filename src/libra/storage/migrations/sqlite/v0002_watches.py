"""The table of watches.

A deleted watch stays as a row with the highest version and no content, as a page does. The whole
state of a watch, including its undelivered alerts, is one document.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it may exist if only the table of pages was dropped."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS watches (
            id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
            url TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            deleted_at TEXT,
            data TEXT,
            CHECK (data IS NOT NULL OR deleted_at IS NOT NULL)
        )
        """
    )


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE watches")
