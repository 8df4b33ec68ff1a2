"""A second copy of each report: the zstd frame of its JSON that Libra itself reads.

The JSONB copy is for people and their queries. To return it, the server writes 16 kB of text for each
page, and Libra reads, reorders and compresses that: ten times the work of all else that a page needs
to come back at a start. The frame has 2.3 kB and is byte for byte what was saved. Older rows have no
frame until they are saved again.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; its data is compressed, so the server must not try to compress it."""
    op.execute("ALTER TABLE pages ADD COLUMN IF NOT EXISTS report_zstd bytea")
    op.execute("ALTER TABLE pages ALTER COLUMN report_zstd SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE pages DROP COLUMN report_zstd")
