"""Alembic's entry point: renders the migrations as SQL, for `libra.storage.schema` to execute."""

from alembic import context

from libra.storage.schema import VERSION_TABLE

context.configure(
    dialect_name=context.config.attributes["dialect"],
    version_table=VERSION_TABLE,
    # The caller runs the whole script and the check of the version in one transaction.
    transactional_ddl=False,
)
context.run_migrations()
