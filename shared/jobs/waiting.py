"""Work that must wait for other jobs: its chunk is put back, and tried again a little later."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.jobs.chunks import Chunk
from shared.jobs.models import ChunkState, Job, JobChunk, JobState


class NotYet(Exception):
    """Others are changing what the chunk is about. It is due again soon. counted: the attempt counts."""

    def __init__(self, *, counted: bool = False) -> None:
        super().__init__("others are changing what the chunk is about")
        self.counted = counted


def need_no_other_work(db: Session, chunk: Chunk, party_ids: Collection[str]) -> None:
    """Raise NotYet while a job of another noun still has one of these parties to do.

    Jobs of the chunk's own noun wait for nobody, or two of them would wait for each other. What waits for approval, or
    is submitted later, finds the parties as they are then.
    """
    noun = chunk.job.kind.partition(".")[0]
    these: Any = literal(list(party_ids), ARRAY(Text))
    theirs = (
        select(JobChunk.n)
        .join(Job, (Job.org_id == JobChunk.org_id) & (Job.id == JobChunk.job_id))
        .where(
            JobChunk.org_id == chunk.job.org_id,
            JobChunk.state == ChunkState.PENDING,
            JobChunk.recipients.overlap(these) | JobChunk.party_ids.overlap(these),
            Job.state.in_((JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)),
            ~Job.kind.startswith(f"{noun}."),
        )
    )
    if db.execute(theirs.limit(1)).first() is not None:
        raise NotYet
