"""Words of names and ids, without case and accents, which the database keeps for every program that writes parties.

No extension is needed: neither pg_trgm nor unaccent comes with every PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers

revision = "core_0013"
down_revision = "core_0012"
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
        SELECT words.* FROM (SELECT org_id, array_agg(id) AS ids, array_agg(display_name) AS names
                             FROM party GROUP BY org_id) AS given,
            words_of_parties(given.org_id, ids, names) AS words""")
    for table in ("party", "party_word"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def create_functions() -> None:
    """Create the form in which texts are compared, and the words of a text.

    A word is what stands between two blanks, each part of it after a hyphen, and each run of letters and digits in it,
    but not the first ones, with which it begins anyway: `anne-m` and `marie` both find Anne-Marie. Letters and their
    small forms are those of a collation that knows all of Unicode, because a database may have been created with one
    that knows only ASCII. The functions of one text are plain expressions, which PostgreSQL puts in place of calls.
    """
    found = sa.text("SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY 1 LIMIT 1")
    collation = op.get_bind().scalar(found) or "default"
    op.execute(rf"""
        CREATE FUNCTION search_text(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN replace(replace(replace(replace(translate(
            lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE "{collation}"),
            U&'\00f8\0142\0111\00f0\0127\0167\0131\03c2', U&'olddhti\03c3'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')""")
    op.execute(rf"""
        CREATE FUNCTION search_words(compared text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN regexp_split_to_array(compared, '[[:space:]]+') || regexp_split_to_array(
            regexp_replace(compared, '(^|[[:space:]])[^[:space:]-]+', '\1', 'g'), '[[:space:]-]+'
        ) || regexp_split_to_array(
            regexp_replace(compared COLLATE "{collation}", '(^|[[:space:]])[[:alnum:]]+', '\1', 'g'),
            '[^[:alnum:]]+')""")
    op.execute("""
        CREATE FUNCTION words_of_parties(organization text, ids text[], names text[])
        RETURNS TABLE (org_id text, party_id text, word text) LANGUAGE sql STABLE
        BEGIN ATOMIC
            SELECT DISTINCT organization, id, left(each, 64) COLLATE "C"
            FROM (SELECT id, search_text(name || ' ' || (id COLLATE "default")) AS compared
                  FROM unnest(ids, names) AS party (id, name) OFFSET 0) AS given,
                unnest(search_words(compared)) AS each
            WHERE each <> '' ORDER BY 2, 3;
        END""")


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
        CREATE FUNCTION party_words_added() RETURNS trigger
        LANGUAGE plpgsql SET plan_cache_mode = 'force_custom_plan' AS $$
        BEGIN
            INSERT INTO party_word (org_id, party_id, word)
            SELECT words.* FROM (SELECT org_id, array_agg(id) AS ids, array_agg(display_name) AS names
                                 FROM added GROUP BY org_id) AS given,
                words_of_parties(given.org_id, ids, names) AS words;
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
                SELECT org_id, array_agg(id), array_agg(display_name)
                FROM (SELECT org_id, id, display_name FROM after
                      EXCEPT SELECT org_id, id, display_name FROM before) AS changed GROUP BY org_id
            LOOP
                DELETE FROM party_word WHERE org_id = organization AND party_id = ANY (renamed);
                INSERT INTO party_word (org_id, party_id, word)
                SELECT * FROM words_of_parties(organization, renamed, names);
            END LOOP;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER words_added AFTER INSERT ON party REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION party_words_added()""")
    op.execute("""
        CREATE TRIGGER words_changed AFTER UPDATE ON party REFERENCING OLD TABLE AS before NEW TABLE AS after
        FOR EACH STATEMENT EXECUTE FUNCTION party_words_changed()""")
