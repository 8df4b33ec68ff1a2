"""Nothing: an index of SQLite's has the URL itself, which PostgreSQL has a hash of.

It is here so that the two engines count alike.
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
