"""Rows of tables that no route under `/v1` writes: of signing in, SCIM, settings, files, and saved views."""

from shared import access, clock, directory
from shared.access import Binding
from shared.services import sign_in_mapping
from tests.factories import Org
from tests.papers.images import image
from tests.views.saving import save


def leave_rows(org: Org, mark: str) -> None:
    """Leave a row in each of these tables. mark: is part of every text in it."""
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"{mark} user",
        "externalId": "party-1",
    }
    assert org.client().post("/scim/v2/Users", json=user).status_code == 201
    org.client().put("/v1/settings/certificate", json={"signatoryName": f"{mark} signatory"})
    org.client().put("/v1/settings/certificate/logo", content=image(), headers={"Content-Type": "image/png"})
    org.visitor(member=f"{mark}-member")
    with org.transaction() as db:
        binding = Binding("https://id.example", mark, administrators=mark)
        bound = sign_in_mapping.bind_issuer(db, org.parts.settings, binding, None)
        access.note_logout(db, bound.id, mark, clock.now())
        directory.remember_columns(db, directory.FIELDS, {f"{mark} number": "entityId"}, clock.now())
    browser = org.visitor()
    browser.post("/views/start", data={"view": save(browser, f"{mark} view", "parties", q=mark)})
    browser.post("/import/people", files={"file": ("people.csv", f"Employee ID\n{mark} 1\n".encode())})
