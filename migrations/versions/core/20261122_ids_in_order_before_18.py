"""Before PostgreSQL 18, uuidv7() returns ids in the order of their creation, as PostgreSQL 18 does.

Lists are sorted by id.
"""

from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """48 bits of milliseconds, 12 bits of a fraction of one (RFC 9562, 6.2, method 3), then bits of a random UUID."""
    op.execute("""
        DO $$ BEGIN
            IF current_setting('server_version_num')::int < 180000 THEN
                CREATE OR REPLACE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $f$
                    SELECT encode(
                        overlay(overlay(uuid_send(gen_random_uuid())
                            PLACING substring(int8send(micros / 1000) FROM 3) FROM 1 FOR 6)
                            PLACING substring(int8send(x'7000'::int + micros % 1000 * 4096 / 1000) FROM 7)
                            FROM 7 FOR 2), 'hex')::uuid
                    FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) AS instant
                $f$;
            END IF;
        END $$""")
