"""`rollcall demo`: a drilling contractor, 2,000 parties, one assignment for all of them, through the public API.

It can be repeated on the same data directory: what is there already is said to be there, and nothing is doubled.
"""

import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
from rich.console import Console

from cli import directory_sample as sample
from cli import system
from cli.assignments import find_course, print_preview
from cli.embedded import is_free
from cli.failures import Failed
from cli.front_desk import FrontDesk
from cli.processes import Process, end, spawn
from cli.progress import watch
from cli.up import COMMAND, State, read_state
from shared import access, clock
from shared.access import OrganizationExists, Permission
from shared.events import Actor

MEMBER = "demo"
LOG = "up.log"
"""Where `up` prints to, in the data directory."""
REASON = "Everybody who may set foot on a rig must know what to do when the gas alarm sounds"
SEATS, ABSENT = 40, 2
_START_SECONDS = 180.0
_END_SECONDS = 60.0
"""`up` lets its worker finish what it has begun, for which that allows itself 30 s, and stops its servers in order."""


def demo(port: int, data_dir: Path, once: bool, command: Sequence[str] = COMMAND) -> None:
    """Run everything, load the sample and assign; unless it is to be done once, stay until Ctrl-C. Raises Failed."""
    console = Console(highlight=False, soft_wrap=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # ends like Ctrl-C: in order
    with _running(port, data_dir, command, console) as (state, process):
        with FrontDesk(state.api_url, _sign_in(data_dir, console)) as desk:
            _load(desk, console)
            _assign(desk, console)
            _hold_session(desk, state.api_url, console)
        if process is None or not once:
            _show_around(state.api_url, data_dir, console)
        if process is not None and not once:
            console.print("\nCtrl-C ends it.")
            with suppress(KeyboardInterrupt):
                process.wait()
                raise Failed(f"`rollcall up` has ended; {data_dir / LOG} says why.")
    if process is not None:
        console.print(f"It rests in {data_dir}; `rollcall up{_data_dir_option(data_dir)}` carries on with it.")


@contextmanager
def _running(
    port: int, data_dir: Path, command: Sequence[str], console: Console
) -> Iterator[tuple[State, Process | None]]:
    """A running system: the one that runs on this data directory already, else one of our own, ended with the block."""
    if state := read_state(data_dir):
        console.print(f"Rollcall runs already at {state.api_url}.")
        yield state, None
        return
    chosen = _free(port)
    if chosen != port:
        console.print(f"Port {port} is in use, so this is port {chosen}.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data_dir / LOG
    console.print(f"Starting PostgreSQL, Redis, API, worker and beat in {data_dir}; they talk to {log}.")
    began = time.monotonic()
    with log.open("wb") as output:
        argv = [*command, "up", "--port", str(chosen), "--data-dir", str(data_dir)]
        process = spawn(argv, output=output.fileno(), when_orphaned=signal.SIGTERM)
    try:
        state = _wait(process, data_dir, log)
        console.print(f"Ready at {state.api_url} after {time.monotonic() - began:.1f} s.")
        yield state, process
    finally:
        console.print("Stopping.")
        end(process, signal.SIGTERM, _END_SECONDS)


def _free(port: int) -> int:
    return next((other for other in range(port, port + 100) if is_free(other)), port)


def _wait(process: Process, data_dir: Path, log: Path) -> State:
    """What runs, once the API says that it is ready. Raises Failed."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx2.Client(timeout=2) as client:  # one: each reads all certificates of this machine
        while process.poll() is None and time.monotonic() < deadline:
            state = read_state(data_dir)
            with suppress(httpx2.TransportError):
                if state and client.get(f"{state.api_url}/health/ready").is_success:
                    return state
            time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise Failed(f"Rollcall did not start: {' '.join(last)} ({log} has the rest)")


def _sign_in(data_dir: Path, console: Console) -> str:
    """Add the organization, which only an operator can, and take a token of one of its members."""
    found = system.find(data_dir)
    added = "added"
    with found.database() as database:
        try:
            with database.transaction(sample.ORG) as db:
                operator = Actor("system", "operator")
                access.add_organization(
                    db, name=sample.NAME, time_zone=sample.TIME_ZONE, actor=operator, now=clock.now()
                )
        except OrganizationExists:
            added = "there already"
    console.print(f"\nOrganization  {sample.ORG}: {added}")
    return access.issue(
        found.settings, org_id=sample.ORG, member_id=MEMBER, permissions=Permission, ttl_seconds=24 * 3600
    )


def _load(desk: FrontDesk, console: Console) -> None:
    """The directory and the catalogue."""
    for folder_id, name in sample.FOLDERS.items():
        desk.put(f"/v1/folders/{folder_id}", {"name": name})
    parties = sample.parties()
    synced = desk.put("/v1/parties", {"parties": parties})
    words = ", ".join(f"{synced[what]:,} {what}" for what in ("created", "updated", "unchanged"))
    console.print(f"Directory     {len(parties):,} parties in {len(sample.FOLDERS)} folders: {words}")
    for course in sample.COURSES:
        console.print(f"Course        {course['code']}  {course['title']} {_publish(desk, course)}")


def _publish(desk: FrontDesk, course: dict[str, str]) -> str:
    """See that a course is there with a published version. Answers the version's label."""
    label = course["label"]
    known = [each for each in desk.get("/v1/courses", q=course["code"])["items"] if each["code"] == course["code"]]
    fields = {name: value for name, value in course.items() if name != "label"}
    found = known[0] if known else desk.post("/v1/courses", fields)
    if found["activeVersion"]:
        return str(found["activeVersion"]["label"])
    versions = f"/v1/courses/{found['id']}/versions"
    drafts = [each for each in desk.get(versions)["items"] if each["label"] == label]
    draft = drafts[0] if drafts else desk.post(versions, {"label": label})
    return str(desk.post(f"{versions}/{draft['id']}/publish")["label"])


def _assign(desk: FrontDesk, console: Console) -> None:
    """Everybody gets the course, and whoever had it keeps it."""
    recipients = [{"entityType": "party", "entityId": party["entityId"]} for party in sample.parties()]
    body = {"courseId": find_course(desk, sample.COURSE), "recipients": recipients, "reason": REASON}
    console.print("\nHydrogen-sulfide response for everybody: first the preview, then in earnest.")
    print_preview(desk.post("/v1/assignments/preview", body), console)
    job = watch(desk, desk.post("/v1/assignments", body), console)
    counts = job["counts"]
    submitted, finished = (datetime.fromisoformat(job[at]) for at in ("submittedAt", "finishedAt"))
    seconds = (finished - submitted).total_seconds()
    console.print(
        f"Job {job['id']} {job['state']} in {seconds:.2f} s: {counts['succeeded']:,} assigned, "
        f"{counts['unchanged']:,} unchanged, {counts['failed']:,} failed."
    )
    if counts["unchanged"] == counts["total"]:
        console.print("Everybody had it already, so nothing was done: an assignment is never made twice.")
    head = desk.get("/v1/events", types="organization.added")["nextCursor"]
    console.print(f"The event feed stands at {int(head):,}, one event for every fact.")


def _hold_session(desk: FrontDesk, api_url: str, console: Console) -> None:
    """A session of forty, all but two of whom were there: scheduled, filled, completed."""
    course_id, title = find_course(desk, sample.SESSION_COURSE), "Working at height"
    held = desk.get("/v1/sessions", courseId=course_id, state="completed")["items"]
    if held:
        console.print(f"\n{title}: the session was completed before, and licenses nobody twice.")
        return
    crew = [party["entityId"] for party in sample.parties() if "drill-floor-crew" in party["folders"]]
    day = (clock.now() - timedelta(days=1)).date()
    body = {
        "courseId": course_id,
        "mode": "in_person",
        "startsAt": f"{day}T08:00:00Z",
        "endsAt": f"{day}T14:00:00Z",
        "timeZone": sample.TIME_ZONE,
        "location": "Training hall, Forus",
        "capacity": SEATS,
    }
    session = f"/v1/sessions/{desk.post('/v1/sessions', body)['id']}"
    recipients = [{"entityType": "party", "entityId": party_id} for party_id in crew[: SEATS + 2]]
    added = desk.post(f"{session}/roster", {"recipients": recipients})
    for party_id in crew[:ABSENT]:
        desk.put(f"{session}/roster/{party_id}", {"attendance": "absent"})
    console.print(
        f"\n{title}, yesterday in Forus: {added['added']} on the roster, {len(added['refused'])} found no seat."
    )
    job = watch(desk, desk.post(f"{session}/complete"), console)
    counts = job["counts"]
    console.print(f"Completed: {counts['succeeded']} licensed, {counts['unchanged']} were not there. Among them:")
    for entry in desk.get(f"{session}/roster", limit=ABSENT + 2)["items"]:
        licence = f"  licence {entry['licenceId']}" if entry["licenceId"] else ""
        console.print(f"  {entry['entityId']}  {entry['displayName']:<24} {entry['outcome']}{licence}", markup=False)
    licence = desk.get("/v1/licences", partyId=crew[SEATS - 1], courseId=course_id)["items"][0]
    expires_on = datetime.fromisoformat(licence["expiresAt"]).date()
    console.print(f"One of them, good until {expires_on}, as a gate sees it: {api_url}/verify/{licence['code']}")


def _show_around(api_url: str, data_dir: Path, console: Console) -> None:
    """What to look at next: commands that can be copied as they are."""
    rollcall, of_org = _command(), f"--org {sample.ORG}{_data_dir_option(data_dir)}"
    console.print(f"\nWhere to look, beside {api_url}/docs:")
    console.print(f"  TOKEN=$({rollcall} token {of_org} --member you --permission all)", markup=False)
    for path in (
        "me",
        "assignments?limit=2",
        "sessions",
        "parties?folderId=drill-floor-crew",
        "events?after=2000&limit=2",
    ):
        console.print(f"  curl -sH \"Authorization: Bearer $TOKEN\" '{api_url}/v1/{path}'", markup=False)
    for command in (
        f'assign WAH {of_org} --folder drill-floor-crew --reason "Derrick inspection"',
        f"jobs list {of_org}",
        f"doctor --invariants{_data_dir_option(data_dir)}",
    ):
        console.print(f"  {rollcall} {command}", markup=False)


def _data_dir_option(data_dir: Path) -> str:
    return "" if data_dir == system.DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}"


def _command() -> str:
    """How this very command is called from here."""
    own = Path(sys.executable).with_name("rollcall")
    if shutil.which("rollcall") == str(own):
        return "rollcall"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)
