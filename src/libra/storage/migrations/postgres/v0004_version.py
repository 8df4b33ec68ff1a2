"""The schema's version under the name that people and their tools look for.

They look for a table with "version" in its name, and do not guess `libra_schema`. A view, and no other
name for the table: a Libra from before this finds the version where it knows it, sees that it is newer
and writes nothing. Who changes the view changes the table.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the view."""
    op.execute(
        """
        CREATE OR REPLACE VIEW libra_schema_version AS SELECT version_num FROM libra_schema
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP VIEW libra_schema_version")
