"""Keeping an upload, getting one's own, and deleting those that are over."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shared.access import SignIn
from shared.database import current_org
from shared.errors import NotFound
from shared.sheets import Opened
from shared.uploads.contents import packed
from shared.uploads.models import Purpose, Upload

KEPT = timedelta(hours=24)
"""An upload is deleted after so long at the latest: it holds names of people."""
MOST = 20
"""Uploads of a member. Of more, the oldest are deleted."""


def keep(db: Session, purpose: Purpose, opened: Opened, sign_in_id: uuid.UUID, member_id: str, now: datetime) -> Upload:
    """Keep a file for a sign-in. Deletes the member's oldest uploads beyond `MOST`."""
    mine = Upload.org_id == current_org(db), Upload.member_id == member_id
    older = select(Upload.id).where(*mine).order_by(Upload.id.desc()).offset(MOST - 1)
    db.execute(delete(Upload).where(*mine, Upload.id.in_(older)))
    made = Upload(
        org_id=current_org(db),
        sign_in_id=sign_in_id,
        member_id=member_id,
        purpose=purpose,
        content=packed(opened),
        columns={},
        repairs={},
        found={},
        outcome=None,
        made_at=now,
        expires_at=now + KEPT,
    )
    db.add(made)
    db.flush()
    return made


def get(
    db: Session,
    upload_id: uuid.UUID,
    purpose: Purpose,
    sign_in_id: uuid.UUID,
    member_id: str,
    now: datetime,
    *,
    lock: bool = False,
) -> Upload:
    """Return an upload of a sign-in, or of an earlier one of the same member that is over. Raises NotFound.

    The second is somebody whose sign-in has ended meanwhile, and who goes on where they were.
    """
    wanted = (
        select(Upload, SignIn)
        .join(SignIn, (SignIn.org_id == Upload.org_id) & (SignIn.id == Upload.sign_in_id))
        .where(
            Upload.org_id == current_org(db),
            Upload.id == upload_id,
            Upload.purpose == purpose,
            Upload.member_id == member_id,
            Upload.expires_at > now,
        )
    )
    row = db.execute(wanted.with_for_update(of=Upload) if lock else wanted).one_or_none()
    if row is None or (row[0].sign_in_id != sign_in_id and row[1].is_valid(now)):
        raise NotFound("upload")
    upload: Upload = row[0]
    return upload


def purge(db: Session, now: datetime) -> int:
    """Delete the uploads of every organization whose time is over. Returns their number.

    Call it in a transaction without an organization.
    """
    return int(db.scalar(select(func.purge_uploads(now))) or 0)
