/** The README's tour, against a running service: node tour.js URL TOKEN. The organization has five parties and a course. */

import { ApiError, connect, OPERATIONS, type Schemas } from "rollcall-client";
import { equal, given, thrown } from "./checking.js";

const [url = "", token = ""] = given;
const rollcall = connect(url, token);

const parties: string[] = [];
for await (const party of rollcall.each("listParties", { query: { folderId: "deck", limit: 2 } })) {
  parties.push(party.entityId);
}
equal(parties, [0, 1, 2, 3, 4].map((number) => `crew-${number}`));

const { items: courses } = await rollcall.listCourses({ query: { q: "H2S" } });
const courseId = courses[0]?.id ?? "";
const recipients = parties.map((entityId) => ({ entityType: "party" as const, entityId }));
const body: Schemas["AssignmentRequest"] = { courseId, recipients, reason: "Rig move" };
const accepted = await rollcall.createAssignments({ body, idempotencyKey: "once" });
const again = await rollcall.createAssignments({ body, idempotencyKey: "once" });
equal(again.id, accepted.id);

const job = await rollcall.wait(accepted);
equal([job.state, job.counts.succeeded], ["succeeded", 5]);
equal((await rollcall.summarizeAssignments()).items[0]?.assigned, 5);
equal(typeof (await rollcall.listAssignments({ query: { folderId: "deck", limit: 1 } })).nextCursor, "string");
const partyId = parties[0] ?? "";
equal((await rollcall.checkLicence({ query: { partyId, courseId } })).licensed, false);
const transcript = await rollcall.readTranscript({ path: { party_id: partyId } });
equal([transcript.party.entityId, transcript.licences.length], [partyId, 0]);

const undo = await rollcall.wait(await rollcall.undoJob({ path: { job_id: job.id } }));
equal(undo.counts.succeeded, 5);
const { items: events } = await rollcall.readEvents({ query: { after: 0, limit: 500 } });
equal(events.length > 15, true);

const refused = await thrown(() => rollcall.readParty({ path: { party_id: "nobody/../x" } }));
if (!(refused instanceof ApiError)) throw refused;
equal([["not-found", "invalid-input"].includes(refused.slug), refused.requestId !== null], [true, true]);

console.log(Object.keys(OPERATIONS).length);
