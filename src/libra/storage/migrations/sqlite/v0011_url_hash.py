"""Nothing: SQLite's index holds the URL itself, for which PostgreSQL needs a hash.

The file exists so that both engines use the same version numbers.
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave everything as it is."""


def downgrade() -> None:
    """Leave everything as it is."""
