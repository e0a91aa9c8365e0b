"""`rollcall demo`: loads a sample organization and assigns a course to its 2,000 parties, through the public API.

It can be repeated on the same data directory: it finds the existing rows and makes nothing twice.
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
from cli.client import ApiClient
from cli.embedded import is_free
from cli.failures import Failed
from cli.processes import Process, end, spawn
from cli.progress import watch
from cli.up import COMMAND, State, read_state
from shared import access, clock, demonstration
from shared.access import OrganizationExists, Permission
from shared.events import Actor
from shared.words import until_in_words

MEMBER = "demo"
LOG = "up.log"
"""The file in the data directory with the output of `rollcall up`."""
REASON = "Everybody who may set foot on a rig must know what to do when the gas alarm sounds"
SEATS, ABSENT = 40, 2
_START_SECONDS = 180.0
_END_SECONDS = 60.0
"""Time for `rollcall up` to stop: its worker may take 30 s to finish its tasks, then the servers stop."""


def demo(port: int, data_dir: Path, once: bool, command: Sequence[str] = COMMAND) -> None:
    """Run the whole system, load the sample and assign. Unless `once`, keep running until Ctrl-C. Raises Failed."""
    console = Console(highlight=False, soft_wrap=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # stop in order, as after Ctrl-C
    with _running(port, data_dir, command, console) as (state, process):
        with ApiClient(state.api_url, _sign_in(data_dir, console)) as client:
            _load(client, console)
            _assign(client, console)
            _hold_session(client, state.api_url, console)
        if process is None or not once:
            _show_around(state.api_url, data_dir, console)
        if process is not None and not once:
            console.print("\nPress Ctrl-C to stop.")
            with suppress(KeyboardInterrupt):
                process.wait()
                raise Failed(f"`rollcall up` has ended unexpectedly; see {data_dir / LOG} for the cause.")
    if process is not None:
        console.print(
            f"Stopped. Your data is in {data_dir}; `rollcall up{_data_dir_option(data_dir)}` continues with it."
        )


@contextmanager
def _running(
    port: int, data_dir: Path, command: Sequence[str], console: Console
) -> Iterator[tuple[State, Process | None]]:
    """Yields the system that runs on this data directory, or else one that we start and stop after the block."""
    if state := read_state(data_dir):
        console.print(f"Rollcall is already running at {state.api_url}.")
        yield state, None
        return
    chosen = _free(port)
    if chosen != port:
        console.print(f"Port {port} is in use; using port {chosen} instead.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data_dir / LOG
    console.print(f"Starting PostgreSQL, Redis, API, worker and beat in {data_dir}; their output is in {log}.")
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
    """Waits until the API is ready. Returns the state. Raises Failed."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx2.Client(timeout=2) as client:  # a single one: making a client reads all certificates of this machine
        while process.poll() is None and time.monotonic() < deadline:
            state = read_state(data_dir)
            with suppress(httpx2.TransportError):
                if state and client.get(f"{state.api_url}/health/ready").is_success:
                    return state
            time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise Failed(f"Rollcall did not start: {' '.join(last)} (see {log} for all its output)")


def _sign_in(data_dir: Path, console: Console) -> str:
    """Add the organization, which only an operator can. Returns a token for one of its members."""
    found = system.find(data_dir)
    result = "added"
    with found.database() as database:
        try:
            with database.transaction(sample.ORG) as db:
                operator = Actor("system", "operator")
                access.add_organization(
                    db, name=sample.NAME, time_zone=sample.TIME_ZONE, actor=operator, now=clock.now()
                )
        except OrganizationExists:
            result = "already there"
        with database.transaction(sample.ORG) as db:
            is_ours = access.get_organization(db).name == sample.NAME
    if is_ours and found.postgres is not None:
        demonstration.note_organization(data_dir, sample.ORG)
    console.print(f"\nOrganization  {sample.ORG}: {result}")
    return access.issue(
        found.settings, org_id=sample.ORG, member_id=MEMBER, permissions=Permission, ttl_seconds=24 * 3600
    )


def _load(client: ApiClient, console: Console) -> None:
    """Load the directory and the catalogue."""
    for folder_id, name in sample.FOLDERS.items():
        client.put(f"/v1/folders/{folder_id}", {"name": name})
    parties = sample.parties()
    synced = client.put("/v1/parties", {"parties": parties})
    words = ", ".join(f"{synced[what]:,} {what}" for what in ("created", "updated", "unchanged"))
    console.print(f"Directory     {len(parties):,} parties in {len(sample.FOLDERS)} folders: {words}")
    for course in sample.COURSES:
        console.print(f"Course        {course['code']}  {course['title']} {_publish(client, course)}")


def _publish(client: ApiClient, course: dict[str, str]) -> str:
    """Make sure that a course has a published version. Returns that version's label."""
    label = course["label"]
    known = [each for each in client.get("/v1/courses", q=course["code"])["items"] if each["code"] == course["code"]]
    fields = {name: value for name, value in course.items() if name != "label"}
    found = known[0] if known else client.post("/v1/courses", fields)
    if found["activeVersion"]:
        return str(found["activeVersion"]["label"])
    versions = f"/v1/courses/{found['id']}/versions"
    drafts = [each for each in client.get(versions)["items"] if each["label"] == label]
    draft = drafts[0] if drafts else client.post(versions, {"label": label})
    return str(client.post(f"{versions}/{draft['id']}/publish")["label"])


def _assign(client: ApiClient, console: Console) -> None:
    """Assign the course to all parties; those who have it already are unchanged."""
    recipients = [{"entityType": "party", "entityId": party["entityId"]} for party in sample.parties()]
    body = {"courseId": find_course(client, sample.COURSE), "recipients": recipients, "reason": REASON}
    console.print("\nAssigning Hydrogen-sulfide response to everybody: first a preview, then the real job.")
    print_preview(client.post("/v1/assignments/preview", body), console)
    job = watch(client, client.post("/v1/assignments", body), console)
    counts = job["counts"]
    submitted, finished = (datetime.fromisoformat(job[at]) for at in ("submittedAt", "finishedAt"))
    seconds = (finished - submitted).total_seconds()
    console.print(
        f"Job {job['id']} {job['state']} in {seconds:.2f} s: {counts['succeeded']:,} assigned, "
        f"{counts['unchanged']:,} unchanged, {counts['failed']:,} failed."
    )
    if counts["unchanged"] == counts["total"]:
        console.print("Everybody had it already, so nothing changed: an assignment is never made twice.")
    head = client.get("/v1/events", types="organization.added")["nextCursor"]
    console.print(f"The event feed has {int(head):,} events, one for each change.")


def _hold_session(client: ApiClient, api_url: str, console: Console) -> None:
    """Schedule a session, fill its forty seats, mark two parties absent, and complete it."""
    course_id, title = find_course(client, sample.SESSION_COURSE), "Working at height"
    held = client.get("/v1/sessions", courseId=course_id, state="completed")["items"]
    if held:
        console.print(f"\n{title}: the session is already completed; nobody gets a second licence.")
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
    session = f"/v1/sessions/{client.post('/v1/sessions', body)['id']}"
    recipients = [{"entityType": "party", "entityId": party_id} for party_id in crew[: SEATS + 2]]
    added = client.post(f"{session}/roster", {"recipients": recipients})
    for party_id in crew[:ABSENT]:
        client.put(f"{session}/roster/{party_id}", {"attendance": "absent"})
    console.print(
        f"\n{title}, yesterday in Forus: {added['added']} on the roster, {len(added['refused'])} refused (full)."
    )
    job = watch(client, client.post(f"{session}/complete"), console)
    counts = job["counts"]
    console.print(f"Completed: {counts['succeeded']} licensed, {counts['unchanged']} absent. The first of them:")
    for entry in client.get(f"{session}/roster", limit=ABSENT + 2)["items"]:
        licence = f"  licence {entry['licenceId']}" if entry["licenceId"] else ""
        console.print(f"  {entry['entityId']}  {entry['displayName']:<24} {entry['outcome']}{licence}", markup=False)
    licence = client.get("/v1/licences", partyId=crew[SEATS - 1], courseId=course_id)["items"][0]
    until = until_in_words(sample.TIME_ZONE, datetime.fromisoformat(licence["expiresAt"]))
    console.print(f"A licence valid until {until}, as a gate checks it: {api_url}/verify/{licence['code']}")


def _show_around(api_url: str, data_dir: Path, console: Console) -> None:
    """Print commands to try next; they can be copied as they are."""
    rollcall, folder = _command(), _data_dir_option(data_dir)
    console.print(f"\nLook around in a browser, as a coordinator or somebody else: {api_url}/personas")
    console.print(f"Try next, besides {api_url}/docs:")
    console.print(f"  TOKEN=$({rollcall} token --org {sample.ORG} --member you --permission all{folder})", markup=False)
    for path in (
        "me",
        "assignments?limit=2",
        "sessions",
        "parties?folderId=drill-floor-crew",
        "events?after=2000&limit=2",
    ):
        console.print(f"  curl -sH \"Authorization: Bearer $TOKEN\" '{api_url}/v1/{path}'", markup=False)
    for command in (
        f'assign WAH --org {sample.ORG} --folder drill-floor-crew --reason "Derrick inspection"{folder}',
        f"jobs list --org {sample.ORG}{folder}",
        f"doctor --invariants{folder}",
    ):
        console.print(f"  {rollcall} {command}", markup=False)


def _data_dir_option(data_dir: Path) -> str:
    return "" if data_dir == system.DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}"


def _command() -> str:
    """How the user calls this command from the current folder."""
    own = Path(sys.executable).with_name("rollcall")
    if shutil.which("rollcall") == str(own):
        return "rollcall"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)
