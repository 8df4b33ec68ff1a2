"""The table of watches.

A deleted watch stays as a row of the highest version without content, as a page does. What a watch
knows, its alerts that wait to be delivered included, is one document.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it may be there when only that of pages was dropped."""
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
    """Drop it."""
    op.execute("DROP TABLE watches")
