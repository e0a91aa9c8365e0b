"""Tables of text: a small file with very many empty lines or columns is refused at once."""

import pytest

from shared.errors import InvalidInput
from shared.sheets.cells import COLUMNS, ROWS, NotReadable
from shared.sheets.separated import lines_of
from tests.factories import Org


@pytest.mark.parametrize(
    "text", ["Employee ID\n" + "\n" * ROWS, ";".join(["Name"] * (COLUMNS + 1)), "Id\n" + "," * COLUMNS + "\n"]
)
def test_a_table_has_bounds(text: str) -> None:
    _, lines = lines_of(text)
    with pytest.raises(NotReadable, match="at most 200,000 lines and 702 columns"):
        list(lines)


def test_a_table_may_be_as_large_as_its_bounds() -> None:
    _, lines = lines_of(",".join(["Name"] * COLUMNS) + "\n" * (ROWS - 1))
    assert len(list(lines)) == 1


def test_the_refusal_is_an_answer(org: Org) -> None:
    body = b"entityId\n" + b"\n" * ROWS
    answer = org.client().put("/v1/parties", content=body, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, InvalidInput.slug)
    assert "200,000 lines" in answer.text
