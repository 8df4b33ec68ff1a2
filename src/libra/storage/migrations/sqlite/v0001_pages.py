"""The table of pages.

A deleted page stays as a row with the highest version and no content, so that a late save has a lower
version. Times are texts of fixed width in UTC, which sort in the order of time and which SQLite's
date functions read. The report is JSON compressed with zstd.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its indexes."""
    op.execute(
        """
        CREATE TABLE pages (
            id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
            url TEXT NOT NULL,
            final_url TEXT,
            host TEXT NOT NULL,
            title TEXT,
            status TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            submitted_at TEXT,
            finished_at TEXT,
            expires_at TEXT,
            deleted_at TEXT,
            transfer_bytes INTEGER NOT NULL CHECK (transfer_bytes >= 0),
            resource_bytes INTEGER NOT NULL CHECK (resource_bytes >= 0),
            requests INTEGER NOT NULL CHECK (requests >= 0),
            score INTEGER CHECK (score BETWEEN 0 AND 100),
            report BLOB,
            CHECK (report IS NOT NULL OR deleted_at IS NOT NULL)
        )
        """
    )
    op.execute("CREATE INDEX pages_by_url ON pages (url, id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_host ON pages (host, id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_expiry ON pages (expires_at, id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_submission ON pages (submitted_at)")
    op.execute("CREATE INDEX pages_by_deletion ON pages (deleted_at) WHERE deleted_at IS NOT NULL")


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE pages")
