"""The version of the schema under a name that people and tools look for.

They look for a table with "version" in its name, and do not guess `libra_schema`. This is a view, not
a new name of the table: an older Libra finds the version where it expects it, sees that it is newer
and writes nothing. A change of the view changes the table.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the view, and the trigger with which SQLite writes through it."""
    op.execute(
        """
        CREATE VIEW IF NOT EXISTS libra_schema_version AS SELECT version_num FROM libra_schema
        """
    )
    op.execute(
        """
        CREATE TRIGGER IF NOT EXISTS libra_schema_changed
        INSTEAD OF UPDATE ON libra_schema_version
        BEGIN
            UPDATE libra_schema SET version_num = new.version_num;
        END
        """
    )


def downgrade() -> None:
    """Drop both; the trigger goes with the view."""
    op.execute("DROP VIEW libra_schema_version")
