"""The hash of a URL as a column, so that lists of URLs are read from an index.

PostgreSQL reads an index alone only for columns, not for expressions such as md5(url): a list of URLs
went through the whole table. The server makes the column itself. The table is rewritten for it once.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and an index of it in the place of that of the expression."""
    op.execute("DROP INDEX IF EXISTS pages_by_url")
    # A uuid is 16 bytes of any kind.
    op.execute(
        """
        ALTER TABLE pages ADD COLUMN IF NOT EXISTS url_hash uuid
        GENERATED ALWAYS AS (md5(url)::uuid) STORED
        """
    )
    # The newest of each URL first. No URL, host or title: they may be longer than a B-tree's entry is.
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_url ON pages (url_hash, id DESC)
        INCLUDE (transfer_bytes, status, way) WHERE deleted_at IS NULL
        """
    )


def downgrade() -> None:
    """Drop it, and bring the former index back."""
    op.execute("DROP INDEX pages_by_url")
    op.execute("ALTER TABLE pages DROP COLUMN url_hash")
    op.execute(
        """
        CREATE INDEX pages_by_url ON pages (md5(url), id)
        INCLUDE (transfer_bytes, status, way) WHERE deleted_at IS NULL
        """
    )
