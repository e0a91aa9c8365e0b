"""Packs: asked for as a job, made chunk by chunk, listed, fetched, and deleted in time or with an erased party."""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime

import uuid_utils.compat
from sqlalchemy import Select, Text, Uuid, func, literal, null, select, text
from sqlalchemy.orm import Session

from shared import access, catalogue, directory, events, jobs, packs
from shared.access import Caller, Permission
from shared.database import Database, current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact, NotSealed
from shared.jobs import Accepted, Chunk, Job, Key, Kind, OutcomeCode, Tally, declare, store_outcomes
from shared.packs import (
    MOST_PEOPLE,
    MOST_RECORDS,
    Pack,
    PackContent,
    PackJob,
    PackPreview,
    PackRequest,
)
from shared.services import pack_files
from shared.services.overview import Choices
from shared.services.pack_facts import Asked, asked_of, count_records, gather
from shared.services.pack_sheets import sheets_of
from shared.services.pack_summary import SUMMARY, summary_of
from shared.services.submitting import need_folders, submit
from shared.services.verbs import verb

LARGEST_CHUNK = 50
"""Upper bound of the people of a chunk. Typesetting takes some 10 ms for each, their files are in memory together, and
who erases one of them waits for the chunk."""

EXAMPLES = 20

SYSTEM = Actor("system", "rollcall")


class NotReady(Conflict):
    """The file of a pack whose job has not ended."""

    slug, title = "pack-not-ready", "Not made yet"


def _work(db: Session, chunk: Chunk, request: PackJob, _: datetime) -> Tally:
    pack = packs.held(db, request.pack_id)
    if pack is None:
        return _outcomes(db, chunk, OutcomeCode.PACK_DELETED)
    people, organization = packs.people_of(db, pack.id, chunk.recipients), access.get_organization(db)
    asked = asked_of(request.on, organization.time_zone, request.course_ids, pack.tree_size)
    if people:
        facts = gather(db, people, asked, completions=PackContent.COMPLETIONS in request.include)
        packs.put(db, pack.id, pack_files.parts_of(facts, request.include))
        if PackContent.SHEETS in request.include:
            packs.put(db, pack.id, sheets_of(db, facts, pack, organization))
    return _outcomes(db, chunk, OutcomeCode.PACKED)


def _outcomes(db: Session, chunk: Chunk, code: OutcomeCode) -> Tally:
    each = chunk.recipients.subquery()
    outcomes = select(
        literal(current_org(db)).label("org_id"),
        literal(chunk.job.id, Uuid).label("job_id"),
        each.c.entity_id,
        literal(code.outcome.value, Text).label("outcome"),
        literal(code.value, Text).label("code"),
        null().label("record_id"),
    )
    return store_outcomes(db, outcomes)


def _end(db: Session, job: Job, request: PackJob, now: datetime) -> None:
    """Write tables' headings, README, summary and manifest. A pack whose job was cancelled is deleted."""
    pack = packs.held(db, request.pack_id)
    if pack is None:
        return
    if job.cancelled or not job.succeeded:
        tell_deleted(db, packs.delete_packs(db, Pack.id == pack.id), SYSTEM, "cancelled", now)
        return
    organization = access.get_organization(db)
    parts = pack_files.headings(request.include) | {("README.txt", 0): pack_files.readme(pack, organization, now)}
    if PackContent.SHEETS in request.include:
        parts[SUMMARY, 0] = summary_of(packs.contents(db, pack.id, "people"), pack, organization)
    packs.put(db, pack.id, parts)
    files = [each for each in packs.digests(db, pack.id) if each[0] != pack_files.MANIFEST]
    manifest = pack_files.manifest(pack, organization, files, now)
    packs.put(db, pack.id, {(pack_files.MANIFEST, 0): manifest})
    digest, size = pack_files.digest_of(manifest), sum(size for _, _, size in files) + len(manifest)
    packs.finish(db, pack.id, manifest_hash=digest, size=size, now=now)
    data = {"jobId": str(job.id), "on": request.on.isoformat(), "people": pack.people, "manifestHash": digest}
    events.record(db, SYSTEM, now, Fact("pack.made", f"pack/{pack.id}", data))


MAKE = declare(
    Kind(
        name="packs.make", request=PackJob, work=_work, needs=Permission.ADMIN, on_end=_end, largest_chunk=LARGEST_CHUNK
    )
)


@verb(Permission.ADMIN)
def make_pack(
    db: Session, caller: Caller, body: PackRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit the making of a pack as a job. Its proofs lead to the head of now, so what is not sealed is sealed first.

    Raises InvalidInput, also for a pack of more than its limit, and NotSealed.
    """
    if earlier := jobs.replayed(db, key, body):
        return earlier
    people, asked = _asked(db, caller, body, now)
    _need_small(db, people, asked)
    events.seal(db, now)
    head = events.tree_head(db)
    if head.root is None:
        raise NotSealed("The audit log is being sealed. Try again in a minute.")
    pack_id = uuid_utils.compat.uuid7()
    given = {"course_ids": body.filter.course_ids} if body.filter.course_ids else {}
    request = PackJob(pack_id=pack_id, on=body.on, include=body.include, **given)
    accepted = submit(db, caller, MAKE, request, people, key=key, body=body, workers=workers, now=now)
    packs.create(
        db,
        people,
        id=pack_id,
        job_id=accepted.job.id,
        on_day=body.on,
        include=[each.value for each in body.include],
        asked_by=caller.actor.id,
        asked_at=now,
        tree_size=head.sequence,
        head_hash=head.hash,
        root_hash=head.root,
        people=accepted.job.total,
    )
    return accepted


@verb(Permission.ADMIN)
def preview_pack(db: Session, caller: Caller, body: PackRequest, now: datetime) -> PackPreview:
    """Return how large a pack would be. Writes nothing. Raises InvalidInput as making it would."""
    people, asked = _asked(db, caller, body, now)
    licences, completions = _need_small(db, people, asked)
    return PackPreview(
        people=_count(db, people),
        licences=licences,
        completions=completions,
        examples=list(db.scalars(people.order_by(text("id")).limit(EXAMPLES))),
    )


@verb(Permission.ADMIN)
def list_packs(db: Session, caller: Caller, now: datetime) -> Select[Pack]:
    """Select the packs whose parties the caller may all see, the newest first."""
    return packs.list_packs(db, caller.folders, now)


@verb(Permission.ADMIN)
def get_pack(db: Session, caller: Caller, pack_id: uuid.UUID, now: datetime) -> Pack:
    """Return a pack. Raises NotFound, also if it holds somebody whom the caller may not see."""
    return packs.get_pack(db, pack_id, caller.folders, now)


@verb(Permission.ADMIN)
def fetch_pack(db: Session, caller: Caller, pack_id: uuid.UUID, now: datetime) -> Pack:
    """Record that the caller fetches the file of a pack, and return the pack. Raises NotFound, NotReady."""
    pack = packs.get_pack(db, pack_id, caller.folders, now)
    if pack.ready_at is None:
        raise NotReady("The pack is being made; its job says how far it is.")
    data = {"manifestHash": pack.manifest_hash}
    events.record(db, caller.actor, now, Fact("pack.fetched", f"pack/{pack.id}", data))
    return pack


@verb(Permission.ADMIN)
def pack_choices(db: Session, caller: Caller) -> Choices:
    """Return the courses and folders from which the form of a pack lets choose."""
    found = db.execute(select(catalogue.as_choices(db, published=True), directory.as_choices(db, caller.folders))).one()
    return Choices(found[0] or [], found[1] or [], [])


def content_of_pack(database: Database, org_id: str, pack_id: uuid.UUID, made_at: datetime) -> Iterator[bytes]:
    """Yield the ZIP file of a pack piece by piece."""
    return packs.zipped(packs.stored_parts(database, org_id, pack_id), made_at)


def delete_over(db: Session, now: datetime) -> int:
    """Delete the packs whose time has passed. Returns their number."""
    gone = packs.delete_packs(db, packs.over(now))
    tell_deleted(db, gone, SYSTEM, "over", now)
    return len(gone)


def tell_deleted(db: Session, gone: Collection[uuid.UUID], actor: Actor, why: str, now: datetime) -> None:
    """Record that packs were deleted."""
    events.record(db, actor, now, *(Fact("pack.deleted", f"pack/{each}", {"why": why}) for each in gone))


def _asked(db: Session, caller: Caller, body: PackRequest, now: datetime) -> tuple[Select[str], Asked]:
    organization = access.get_organization(db)
    if body.on > access.today(db, now):
        raise InvalidInput(Fault("/on", "The day may not lie in the future; today is the latest."))
    people = _people(db, caller, body)
    return people, asked_of(body.on, organization.time_zone, body.filter.course_ids, 0)


def _people(db: Session, caller: Caller, body: PackRequest) -> Select[str]:
    chosen = body.filter
    if chosen.all:
        return packs.everybody(db, caller.folders)
    need_folders(db, caller, chosen.folder_ids, "/filter/folderIds")
    known = set(db.scalars(packs.known_among(db, chosen.party_ids, caller.folders)))
    missing = [n for n, party_id in enumerate(chosen.party_ids) if party_id not in known]
    if missing:
        detail = "There is no such party, or it is outside your scope."
        raise InvalidInput(*(Fault(f"/filter/partyIds/{n}", detail) for n in missing))
    return packs.chosen(db, caller.folders, chosen.party_ids, chosen.folder_ids)


def _need_small(db: Session, people: Select[str], asked: Asked) -> tuple[int, int]:
    count = _count(db, people)
    if count == 0:
        raise InvalidInput(Fault("/filter", "Nobody matches, so there is nothing to tell."))
    if count > MOST_PEOPLE:
        raise InvalidInput(
            Fault(
                "/filter",
                f"A pack holds at most {MOST_PEOPLE:,} people, and these are {count:,}. Ask for one pack a folder.",
            )
        )
    licences, completions = count_records(db, people, asked)
    if licences + completions > MOST_RECORDS:
        raise InvalidInput(
            Fault(
                "/filter",
                f"A pack holds at most {MOST_RECORDS:,} licences and completions, and these are "
                f"{licences + completions:,}. Name fewer folders, or the courses with courseIds.",
            )
        )
    return licences, completions


def _count(db: Session, people: Select[str]) -> int:
    return db.scalar(select(func.count()).select_from(people.subquery())) or 0
