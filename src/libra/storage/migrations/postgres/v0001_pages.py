"""The table of pages, and a view of their assets.

A deleted page stays as a row with the highest version and no content, so that a late save has a lower
version. Ids sort by time, which the collation "C" keeps and makes cheap. Texts and the report escape
what PostgreSQL cannot hold: see `libra.storage.rows.foreign_text`.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, its indexes and the view."""
    op.execute(
        """
        CREATE TABLE pages (
            id text COLLATE "C" PRIMARY KEY CHECK (id <> ''),
            url text NOT NULL,
            final_url text,
            host text NOT NULL,
            title text,
            status text NOT NULL,
            version bigint NOT NULL CHECK (version > 0),
            submitted_at timestamptz,
            finished_at timestamptz,
            expires_at timestamptz,
            deleted_at timestamptz,
            transfer_bytes bigint NOT NULL CHECK (transfer_bytes >= 0),
            resource_bytes bigint NOT NULL CHECK (resource_bytes >= 0),
            requests bigint NOT NULL CHECK (requests >= 0),
            score smallint CHECK (score BETWEEN 0 AND 100),
            report jsonb,
            CHECK (report IS NOT NULL OR deleted_at IS NOT NULL)
        )
        """
    )
    # A URL may be longer than the limit of a B-tree entry; its hash is not.
    op.execute("CREATE INDEX pages_by_url ON pages (md5(url), id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_host ON pages (host, id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_expiry ON pages (expires_at, id) WHERE deleted_at IS NULL")
    op.execute("CREATE INDEX pages_by_submission ON pages (submitted_at)")
    op.execute("CREATE INDEX pages_by_deletion ON pages (deleted_at) WHERE deleted_at IS NOT NULL")
    op.execute(
        """
        CREATE VIEW assets AS
        SELECT
            pages.id AS page_id,
            entry.position,
            entry.asset ->> 'url' AS url,
            entry.asset ->> 'kind' AS kind,
            entry.asset ->> 'status' AS status,
            (entry.asset ->> 'http_status')::integer AS http_status,
            (entry.asset ->> 'transfer_bytes')::bigint AS transfer_bytes,
            (entry.asset ->> 'resource_bytes')::bigint AS resource_bytes,
            entry.asset ->> 'content_type' AS content_type,
            entry.asset ->> 'encoding' AS encoding,
            entry.asset ->> 'initiator' AS initiator,
            (entry.asset ->> 'third_party')::boolean AS third_party,
            (entry.asset ->> 'lazy')::boolean AS lazy,
            (entry.asset ->> 'conditional')::boolean AS conditional,
            (entry.asset ->> 'duration_ms')::bigint AS duration_ms,
            entry.asset ->> 'error' AS error
        FROM pages
        CROSS JOIN LATERAL jsonb_array_elements(pages.report -> 'assets')
            WITH ORDINALITY AS entry (asset, position)
        WHERE pages.deleted_at IS NULL
        """
    )


def downgrade() -> None:
    """Drop the view and the table."""
    op.execute("DROP VIEW assets")
    op.execute("DROP TABLE pages")
