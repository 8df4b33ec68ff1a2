"""Nothing: here a report always was one zstd frame. Both engines count their versions alike."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave everything as it is."""


def downgrade() -> None:
    """Leave everything as it is."""
