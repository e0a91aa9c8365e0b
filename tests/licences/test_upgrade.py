"""The upgrade to licences that know when an undo granted them again, while processes of the former release write."""

from tests.test_migrations import empty, licences_unwritten

__all__ = ["empty"]


def test_licences_stay_untouched_and_a_former_process_leaves_the_mark_out(empty: str) -> None:
    with licences_unwritten(empty, "core@head", "training_0029") as connection:
        assert connection.execute("SELECT code, restored_at FROM licence ORDER BY code").fetchall() == [
            ("granted", None),
            ("held", None),
        ]
