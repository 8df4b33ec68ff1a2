"""The hash of a URL as a column, so that PostgreSQL reads lists of URLs from an index.

PostgreSQL makes index-only scans for columns, but not for expressions such as md5(url): a list of
URLs read the whole table. The server computes the column itself. This rewrites the table once.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and replace the index of the expression by one of the column."""
    op.execute("DROP INDEX IF EXISTS pages_by_url")
    # A uuid can hold any 16 bytes.
    op.execute(
        """
        ALTER TABLE pages ADD COLUMN IF NOT EXISTS url_hash uuid
        GENERATED ALWAYS AS (md5(url)::uuid) STORED
        """
    )
    # The newest of each URL first. Without URL, host and title: they may be too long for a B-tree
    # entry.
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_url ON pages (url_hash, id DESC)
        INCLUDE (transfer_bytes, status, way) WHERE deleted_at IS NULL
        """
    )


def downgrade() -> None:
    """Drop the column, and restore the former index."""
    op.execute("DROP INDEX pages_by_url")
    op.execute("ALTER TABLE pages DROP COLUMN url_hash")
    op.execute(
        """
        CREATE INDEX pages_by_url ON pages (md5(url), id)
        INCLUDE (transfer_bytes, status, way) WHERE deleted_at IS NULL
        """
    )
