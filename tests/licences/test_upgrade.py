"""The upgrade to licences that know when an undo granted them again, while processes of the former release write."""

import migrations
from tests.test_migrations import EVERYTHING, begin_at, empty, hold, of_org_1

__all__ = ["empty"]


def test_licences_stay_untouched_and_a_former_process_leaves_the_mark_out(empty: str) -> None:
    begin_at(empty, "core@head", "training_0029")
    with of_org_1(empty) as connection:
        hold(connection, "held")
        written = connection.execute("SELECT xmin::text, ctid::text FROM licence").fetchall()
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        assert connection.execute("SELECT xmin::text, ctid::text FROM licence").fetchall() == written
        hold(connection, "granted")
        assert connection.execute("SELECT code, restored_at FROM licence ORDER BY code").fetchall() == [
            ("granted", None),
            ("held", None),
        ]
