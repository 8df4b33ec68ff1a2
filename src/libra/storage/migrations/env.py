"""Alembic's entry point: renders the migrations as SQL, for `libra.storage.schema` to execute."""

from alembic import context

from libra.storage.schema import VERSION_TABLE

context.configure(
    dialect_name=context.config.attributes["dialect"],
    version_table=VERSION_TABLE,
    # The caller wraps the whole script in one transaction, together with the check of the version.
    transactional_ddl=False,
)
context.run_migrations()
