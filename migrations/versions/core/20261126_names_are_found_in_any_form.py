"""Words of names and ids, without case and accents, which the database keeps for every program that writes parties.

No extension is needed: neither pg_trgm nor unaccent comes with every PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_functions()
    create_words()
    keep_words()
    for table in ("party", "party_word"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # the owner writes rows of every organization
    op.execute("""
        INSERT INTO party_word (org_id, party_id, word)
        SELECT org_id, id, unnest(search_words(display_name || ' ' || id)) FROM party""")
    for table in ("party", "party_word"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def create_functions() -> None:
    """Create the form in which texts are compared, and the words of a text.

    A word begins at the beginning, after a blank, and at a letter or digit after any other character. It ends at the
    next blank, so that `anne-m` and `marie` both find Anne-Marie. What a letter is and which its small form is, is said
    by a collation that knows all of Unicode: a database may have been made with one that knows ASCII alone.
    """
    found = sa.text("SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY 1 LIMIT 1")
    collation = op.get_bind().scalar(found) or "default"
    op.execute(rf"""
        CREATE FUNCTION search_text(value text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $$
            SELECT replace(replace(replace(replace(translate(
                lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE "{collation}"),
                U&'\00f8\0142\0111\00f0\0127\0167\0131\03c2', U&'olddhti\03c3'),
                'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
        $$""")
    # the collation's name is one of those above
    words = f"""
        CREATE FUNCTION search_words(value text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, public AS $$
            SELECT coalesce(array_agg(DISTINCT left(substr(token, n), 64) COLLATE "C"), '{{}}')
            FROM regexp_split_to_table(search_text(value) COLLATE "{collation}", '[[:space:]]+') AS token,
                generate_series(1, CASE WHEN token ~ '[^[:alnum:]]' THEN length(token) ELSE 1 END) AS n
            WHERE token <> '' AND (n = 1
                OR (substr(token, n, 1) ~ '[[:alnum:]]' AND substr(token, n - 1, 1) !~ '[[:alnum:]]'))
        $$"""  # noqa: S608
    op.execute(words)


def create_words() -> None:
    op.create_table(
        "party_word",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("party_id", sa.Text(collation="C"), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "party_id"], ["party.org_id", "party.id"], name=op.f("fk_party_word_org_id_party_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "party_id", "word", name=op.f("pk_party_word")),
    )
    op.create_index("ix_party_word_org_id_word_party_id", "party_word", ["org_id", "word", "party_id"])
    guard("party_word")
    racers("CONSTRAINT pk_party_word ON", "party_word", "Two writers of one party; its row lock lets them take turns.")


def keep_words() -> None:
    """Write the words of parties whose names are written, with few statements for all of them.

    No statement joins the rows before to those after: PostgreSQL would plan it for the few rows of an earlier call.
    Each is planned anew, so that an array of 10,000 ids is looked up by its hash and not from its beginning.
    """
    op.execute("""
        CREATE FUNCTION party_words_added() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO party_word (org_id, party_id, word)
            SELECT org_id, id, unnest(search_words(display_name || ' ' || id)) FROM added ORDER BY id;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION party_words_changed() RETURNS trigger
        LANGUAGE plpgsql SET plan_cache_mode = 'force_custom_plan' AS $$
        DECLARE
            organization text;
            renamed text[];
            names text[];
        BEGIN
            FOR organization, renamed, names IN
                SELECT org_id, array_agg(id ORDER BY id), array_agg(display_name ORDER BY id)
                FROM (SELECT org_id, id, display_name FROM after
                      EXCEPT SELECT org_id, id, display_name FROM before) AS changed GROUP BY org_id
            LOOP
                DELETE FROM party_word WHERE org_id = organization AND party_id = ANY (renamed);
                INSERT INTO party_word (org_id, party_id, word)
                SELECT organization, id, unnest(search_words(name || ' ' || id))
                FROM unnest(renamed, names) AS each (id, name);
            END LOOP;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER words_added AFTER INSERT ON party REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION party_words_added()""")
    op.execute("""
        CREATE TRIGGER words_changed AFTER UPDATE ON party REFERENCING OLD TABLE AS before NEW TABLE AS after
        FOR EACH STATEMENT EXECUTE FUNCTION party_words_changed()""")
