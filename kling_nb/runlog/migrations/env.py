"""Alembic's entry point: runs the revisions on the connection the run log hands over."""

from __future__ import annotations

from alembic import context

# The caller holds the write transaction: either all revisions apply, or none. SQLite can do that although
# Alembic assumes it cannot, because our transactions begin explicitly.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
