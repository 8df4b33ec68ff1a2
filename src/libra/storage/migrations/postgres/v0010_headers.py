"""The request headers of a submission, until the page is finished.

They are secrets and in no report; the row of a finished page has none.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE pages ADD COLUMN IF NOT EXISTS headers text")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE pages DROP COLUMN headers")
