"""How each page was weighed, and an index with all columns that a list of URLs needs.

The list has one row for each URL: for a hundred thousand pages SQLite reads only the index. It
replaces the index by URL.

There is also a table for pictures of rendered pages. Deleting a page deletes its picture.
"""

from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

TRIGGERS = ("screenshots_of_removed", "screenshots_of_deleted", "screenshots_of_unknown")


def upgrade() -> None:
    """Add the column, fill it with a function of this program, and replace the index."""
    # If somebody has dropped the table of pictures, its triggers remain and block ALTER TABLE.
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    op.execute("ALTER TABLE pages ADD COLUMN way text")
    op.execute("UPDATE pages SET way = libra_way(report) WHERE report IS NOT NULL")
    op.execute("DROP INDEX IF EXISTS pages_by_url")
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_url
        ON pages (url, id, transfer_bytes, status, way, host, title) WHERE deleted_at IS NULL
        """
    )

    op.execute(
        """
        CREATE TABLE IF NOT EXISTS screenshots (
            page_id TEXT NOT NULL PRIMARY KEY,
            thumbnail BLOB NOT NULL,
            whole BLOB NOT NULL
        ) WITHOUT ROWID
        """
    )
    op.execute(
        """
        CREATE TRIGGER screenshots_of_removed AFTER DELETE ON pages BEGIN
            DELETE FROM screenshots WHERE page_id = old.id;
        END
        """
    )
    op.execute(
        """
        CREATE TRIGGER screenshots_of_deleted AFTER UPDATE OF deleted_at ON pages
        WHEN new.deleted_at IS NOT NULL BEGIN
            DELETE FROM screenshots WHERE page_id = new.id;
        END
        """
    )
    op.execute(
        """
        CREATE TRIGGER screenshots_of_unknown AFTER INSERT ON pages
        WHEN new.deleted_at IS NOT NULL BEGIN
            DELETE FROM screenshots WHERE page_id = new.id;
        END
        """
    )


def downgrade() -> None:
    """Drop the pictures, restore the old index and drop the column."""
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    op.execute("DROP TABLE screenshots")
    op.execute("DROP INDEX pages_by_url")
    op.execute("CREATE INDEX pages_by_url ON pages (url, id) WHERE deleted_at IS NULL")
    op.execute("ALTER TABLE pages DROP COLUMN way")
