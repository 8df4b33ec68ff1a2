"""How each page was weighed, and an index with most columns that a list of URLs needs.

The index replaces the one by URL.

There is also a table for pictures of rendered pages. Deleting a page deletes its picture.
"""

from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and fill it; replace the index."""
    op.execute("ALTER TABLE pages ADD COLUMN IF NOT EXISTS way text")
    op.execute(
        """
        UPDATE pages SET way = concat(report ->> 'method', ' ', report ->> 'viewport')
        WHERE report IS NOT NULL AND way IS NULL
        """
    )
    op.execute("DROP INDEX IF EXISTS pages_by_url")
    # Without URL and title: they may be longer than the limit of a B-tree entry.
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_url ON pages (md5(url), id)
        INCLUDE (transfer_bytes, status, way) WHERE deleted_at IS NULL
        """
    )

    # The pictures are compressed, so the server must not try to compress them.
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS screenshots (
            page_id text COLLATE "C" PRIMARY KEY,
            thumbnail bytea NOT NULL,
            whole bytea NOT NULL
        )
        """
    )
    for column in ("thumbnail", "whole"):
        op.execute(f"ALTER TABLE screenshots ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute(
        """
        CREATE OR REPLACE FUNCTION libra_remove_screenshot() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            DELETE FROM screenshots
            WHERE page_id = CASE TG_OP WHEN 'INSERT' THEN NEW.id ELSE OLD.id END;
            RETURN NULL;
        END
        $body$
        """
    )
    op.execute("DROP TRIGGER IF EXISTS screenshots_of_removed ON pages")
    op.execute("DROP TRIGGER IF EXISTS screenshots_of_deleted ON pages")
    op.execute(
        """
        CREATE TRIGGER screenshots_of_removed AFTER DELETE ON pages
        FOR EACH ROW EXECUTE FUNCTION libra_remove_screenshot()
        """
    )
    op.execute(
        """
        CREATE TRIGGER screenshots_of_deleted AFTER INSERT OR UPDATE ON pages FOR EACH ROW
        WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION libra_remove_screenshot()
        """
    )


def downgrade() -> None:
    """Drop the pictures, restore the old index and drop the column."""
    op.execute("DROP TRIGGER screenshots_of_deleted ON pages")
    op.execute("DROP TRIGGER screenshots_of_removed ON pages")
    op.execute("DROP FUNCTION libra_remove_screenshot()")
    op.execute("DROP TABLE screenshots")
    op.execute("DROP INDEX pages_by_url")
    op.execute("CREATE INDEX pages_by_url ON pages (md5(url), id) WHERE deleted_at IS NULL")
    op.execute("ALTER TABLE pages DROP COLUMN way")
