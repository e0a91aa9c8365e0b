"""Names and ids in the form that searches compare, computed by the database for every program that writes parties.

A table of words with an index would answer sooner, but its rows cost a synchronisation as much as all of its other
work. Such a search reads the parties of its organization, as the former one did. No extension is needed: neither
pg_trgm nor unaccent comes with every PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_functions()
    op.execute("""
        ALTER TABLE party
            ADD COLUMN compared text
                GENERATED ALWAYS AS (compared_form(display_name || ' ' || (id COLLATE "default"))) STORED,
            ADD COLUMN folded_id text COLLATE "C" GENERATED ALWAYS AS (lower(id)) STORED""")
    # Not the organization first: without statistics PostgreSQL may take such an index for the organization alone, also
    # where it looks for one party by its key, and read all parties each time.
    op.create_index("ix_party_folded_id_org_id", "party", ["folded_id", "org_id"])


def create_functions() -> None:
    """Create the form in which texts are compared, and the search for the beginning of a word in such a text.

    Letters and their small forms are those of a collation that knows all of Unicode, because a database may have been
    created with one that knows only ASCII. The functions are plain expressions, which PostgreSQL inlines. Texts in
    ASCII, which most are, take the short way.
    """
    found = sa.text("SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY 1 LIMIT 1")
    collation = op.get_bind().scalar(found) or "default"
    op.execute(rf"""
        CREATE FUNCTION compared_form(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN CASE WHEN octet_length(value) = char_length(value)
            THEN lower(value COLLATE "C") COLLATE "{collation}" ELSE
            replace(replace(replace(replace(translate(
            lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE "{collation}"),
            U&'\00f8\0142\0111\00f0\0127\0167\0131\03c2', U&'olddhti\03c3'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') END""")
    op.execute(rf"""
        CREATE FUNCTION has_word(compared text, beginning text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN CASE WHEN strpos(compared, beginning) > 0 THEN compared COLLATE "{collation}" ~ (
            '(^|[^[:alnum:]])' || regexp_replace(beginning, '([]^.$*+?(){{}}|\\[-])', '\\\1', 'g')) ELSE false END""")
