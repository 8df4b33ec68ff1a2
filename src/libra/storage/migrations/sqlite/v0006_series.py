"""The series of a CI result: the project, the branch and the path of the page."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and an index that finds the newest result of a series."""
    op.execute("ALTER TABLE pages ADD COLUMN series text")
    op.execute(
        """
        CREATE INDEX IF NOT EXISTS pages_by_series ON pages (series, id) WHERE series IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop the index and the column."""
    op.execute("DROP INDEX pages_by_series")
    op.execute("ALTER TABLE pages DROP COLUMN series")
