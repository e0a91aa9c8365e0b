"""The statements of `finding`, as text: SQLAlchemy would take longer to build them than PostgreSQL to run them.

Each finds ids in the order of the list. `a` is an assignment, `l` a line: a state, with the version if there is one,
and with bounds of the due key, of which the second is excluded.
"""

from dataclasses import dataclass

_MEMBER = (
    "SELECT FROM folder_member m WHERE m.org_id = :org AND m.party_id = a.party_id AND m.folder_id = ANY ({}) OFFSET 0"
)
_LINES = """unnest(CAST(:states AS text[]), CAST(:since AS date[]), CAST(:before AS date[]))
    AS given (state, since, before)"""
_FOLDERS, _SCOPE = "CAST(:folders AS text[])", "CAST(:scope AS text[])"
BOUNDS = "a.due_key >= l.since AND a.due_key < l.before"


@dataclass(frozen=True)
class Statements:
    """The statements for one list.

    by_due: the order. of_job, of_course, of_version, of_state: filters. folders, scope: conditions on the party.
    bounded: there are bounds of due keys. further: not the first page. backwards: the page before.
    """

    by_due: bool
    of_job: bool
    of_course: bool
    of_version: bool
    folders: bool
    scope: bool
    of_state: bool
    bounded: bool
    further: bool
    backwards: bool

    @property
    def order(self) -> str:
        """The order of the list, or the opposite order for the page before."""
        descending = "" if self.is_ascending else " DESC"
        return f"due_key{descending}, id{descending}" if self.by_due else f"id{descending}"

    @property
    def is_ascending(self) -> bool:
        """True if the page is read in ascending order."""
        return self.by_due is not self.backwards

    @property
    def after(self) -> str:
        """The condition that an assignment comes after the former page."""
        if not self.further:
            return "true"
        beyond = ">" if self.is_ascending else "<"
        if self.by_due:
            return f"(a.due_key, a.id) {beyond} (CAST(:after_key AS date), CAST(:after_id AS uuid))"
        return f"a.id {beyond} CAST(:after_id AS uuid)"

    @property
    def member(self) -> str:
        """The condition that the party of an assignment is in one of the folders, and in the scope."""
        given = [folders for folders, there in ((_FOLDERS, self.folders), (_SCOPE, self.scope)) if there]
        return " AND ".join(f"EXISTS ({_MEMBER.format(folders)})" for folders in given) or "true"

    @property
    def versions(self) -> str:
        """The ids of the versions that an assignment may have."""
        of = [" AND v.course_id = :course"] * self.of_course + [" AND v.id = :version"] * self.of_version
        return f"SELECT v.id FROM course_version v WHERE v.org_id = :org{''.join(of)}"

    @property
    def lines(self) -> str:
        """The lines. All assignments of a job have one version, so those of another one have no line."""
        if not (self.of_course or self.of_version):
            return f"SELECT state, since, before FROM {_LINES}"
        if self.of_job:
            first = """SELECT course_version_id FROM assignment WHERE org_id = :org AND job_id = :job
                ORDER BY party_id LIMIT 1"""
            return f"SELECT state, since, before FROM {_LINES} WHERE ({first}) IN ({self.versions})"
        return f"SELECT state, since, before, id AS version FROM {_LINES} CROSS JOIN ({self.versions}) AS v"

    @property
    def of_line(self) -> str:
        """The condition that an assignment is of a line, whatever its due key."""
        if self.of_job:
            return "a.org_id = :org AND a.job_id = :job AND a.state = l.state"
        if self.of_course or self.of_version:
            return "a.org_id = :org AND a.course_version_id = l.version AND a.state = l.state"
        return "a.org_id = :org AND a.state = l.state"

    def count_parties(self) -> str:
        """Counts the parties of the folders, up to `:most`."""
        mine = f"SELECT FROM folder_member m WHERE m.org_id = :org AND m.folder_id = ANY ({_FOLDERS}) LIMIT :most"
        return f"SELECT count(*) FROM ({mine}) AS few"

    def by_line(self) -> str:
        """Takes the first of each line, or, as there may be many lines, of those whose own first ones are the first."""
        bounds = f" AND {BOUNDS}" if self.bounded else ""
        first = f"""
            SELECT a.due_key, a.id FROM assignment AS a WHERE {self.of_line}{bounds} AND {self.after}
            ORDER BY {self.order} LIMIT"""
        return f"""
            WITH lines AS MATERIALIZED ({self.lines}), chosen AS (
                SELECT l.* FROM lines AS l CROSS JOIN LATERAL ({first} 1) AS head ORDER BY {self.order} LIMIT :most
            )
            SELECT id FROM chosen AS l CROSS JOIN LATERAL ({first} :most) AS first ORDER BY {self.order} LIMIT :most"""

    def by_day(self) -> str:
        """Takes the newest of each day on which assignments of a line are due; needs the order by age.

        The newest ones of all days are on those days whose own newest one is among the newest, so only these are read.
        """
        day = f"""SELECT a.due_key FROM assignment AS a
            WHERE {self.of_line} AND a.due_key >= l.since AND a.due_key < l.{{}} ORDER BY a.due_key DESC LIMIT 1"""
        beyond = f"a.id {'>=' if self.is_ascending else '<='} l.head"
        newest = f"""SELECT a.id FROM assignment AS a
            WHERE {self.of_line} AND a.due_key = l.day AND {{}} AND {self.member} ORDER BY a.{self.order} LIMIT"""
        return f"""
            WITH RECURSIVE lines AS MATERIALIZED ({self.lines}), days AS (
                SELECT l.*, ({day.format("before")}) AS day FROM lines AS l
                UNION ALL SELECT {{lines}}, ({day.format("day")}) FROM days AS l WHERE l.day IS NOT NULL
            ), newest AS (
                SELECT *, ({newest.format(self.after)} 1) AS head FROM days AS l WHERE l.day IS NOT NULL
            ), chosen AS (
                SELECT * FROM newest WHERE head IS NOT NULL ORDER BY {self.order.replace("id", "head")} LIMIT :most
            )
            SELECT id FROM chosen AS l CROSS JOIN LATERAL ({newest.format(beyond)} :most) AS first
            ORDER BY {self.order} LIMIT :most""".replace(
            "{lines}", ", ".join(f"l.{name}" for name in self._names_of_lines)
        )

    @property
    def _names_of_lines(self) -> list[str]:
        has_version = (self.of_course or self.of_version) and not self.of_job
        return ["state", "since", "before"] + ["version"] * has_version

    def counted(self, many: int) -> str:
        """Counts the assignments, up to `:most`, in parts too. many: above so many parties they are no parts."""
        bounds = f" AND {BOUNDS}" if self.bounded else ""
        of_lines = f"""
            WITH lines AS MATERIALIZED ({self.lines}) SELECT count(*) FROM (
                SELECT FROM lines AS l CROSS JOIN LATERAL (
                    SELECT FROM assignment AS a WHERE {self.of_line}{bounds} AND {self.member} LIMIT :most) AS each
                LIMIT :most) AS counted"""
        if not self.folders:
            return of_lines
        of_parties = f"""
            WITH {self._parties} SELECT count(*) FROM (
                SELECT FROM parties AS l CROSS JOIN LATERAL (
                    SELECT FROM assignment AS a WHERE {self._of_party} LIMIT :most) AS each
                LIMIT :most) AS counted"""
        parties = self.count_parties().replace(":most", str(many + 1))
        return f"SELECT CASE WHEN ({parties}) > {many} THEN ({of_lines}) ELSE ({of_parties}) END"

    @property
    def _of_party(self) -> str:
        """The condition that an assignment is of a party, and meets the rest."""
        conditions = ["a.org_id = :org", "a.party_id = l.party_id"]
        if self.of_state:
            conditions.append("a.state = ANY (CAST(:states AS text[]))")
        if self.bounded:
            conditions.append(f"EXISTS (SELECT FROM lines AS l WHERE l.state = a.state AND {BOUNDS})")
        if self.of_job:
            conditions.append("a.job_id = :job")
        if self.of_course or self.of_version:
            conditions.append(f"a.course_version_id = ANY (ARRAY({self.versions}))")
        return " AND ".join(conditions)

    @property
    def _parties(self) -> str:
        """The parties of the folders, and the bounds of each state, as parts of a statement."""
        inside = f" AND EXISTS ({_MEMBER.format(_SCOPE)})" if self.scope else ""
        return f"""lines AS MATERIALIZED (SELECT state, since, before FROM {_LINES}), parties AS MATERIALIZED (
                SELECT DISTINCT a.party_id FROM folder_member AS a
                WHERE a.org_id = :org AND a.folder_id = ANY ({_FOLDERS}){inside}
            )"""

    def by_party(self) -> str:
        """Takes the first of each party of the folders, or of those whose own first ones are the first."""
        first = f"""
            SELECT a.due_key, a.id FROM assignment AS a WHERE {self._of_party} AND {self.after}
            ORDER BY {self.order} LIMIT"""
        return f"""
            WITH {self._parties}, chosen AS (
                SELECT l.* FROM parties AS l CROSS JOIN LATERAL ({first} 1) AS head ORDER BY {self.order} LIMIT :most
            )
            SELECT id FROM chosen AS l CROSS JOIN LATERAL ({first} :most) AS first ORDER BY {self.order} LIMIT :most"""

    def looked_through(self) -> str:
        """Looks through `:quota` assignments of all lines in the order of the list, for those that meet the rest.

        Returns one row: the ids, and true if all that come before them, and up to the page's end, were looked through.
        """
        bounds = f" AND {BOUNDS}" if self.bounded and self.by_due else ""
        rest = BOUNDS if self.bounded and not self.by_due else "true"
        columns = "a.due_key, a.id, a.party_id"
        return f"""
            WITH lines AS MATERIALIZED (SELECT *, row_number() OVER () AS line FROM ({self.lines}) AS each),
            share AS (SELECT 1 + :quota / greatest(1, count(*)) AS rows FROM lines),
            looked AS MATERIALIZED (
                SELECT line, first.* FROM lines AS l CROSS JOIN LATERAL (
                    SELECT {columns}, {rest} AS fits FROM assignment AS a WHERE {self.of_line}{bounds} AND {self.after}
                    ORDER BY {self.order} LIMIT (SELECT rows FROM share)) AS first
            ), placed AS MATERIALIZED (
                SELECT *, row_number() OVER (ORDER BY {self.order}) AS place FROM looked
            ), ends AS (
                SELECT min(last) AS place FROM (
                    SELECT max(place) AS last FROM placed GROUP BY line HAVING count(*) = (SELECT rows FROM share)
                ) AS cut_off
            ), found AS MATERIALIZED (
                SELECT id, place FROM placed AS a
                WHERE fits AND place <= coalesce((SELECT place FROM ends), place) AND {self.member}
                ORDER BY place LIMIT :most
            )
            SELECT ARRAY(SELECT id FROM found ORDER BY place),
                (SELECT place FROM ends) IS NULL OR (SELECT count(*) FROM found) = :most"""
