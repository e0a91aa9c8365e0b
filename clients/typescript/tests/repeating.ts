/** What is sent again, when, and what is not: without a service. */

import { ApiError, connect, Unreachable, type Rollcall } from "rollcall-client";
import { equal, thrown } from "./checking.js";

/** A client that gets these answers or errors in turn, the requests that it sends, and the seconds that it waits. */
function scripted(answers: (Response | Error)[]): { rollcall: Rollcall; sent: [URL, RequestInit][]; waited: number[] } {
  const sent: [URL, RequestInit][] = [];
  const waited: number[] = [];
  const get = async (address: unknown, init?: RequestInit): Promise<Response> => {
    sent.push([address as URL, init ?? {}]);
    const found = answers[sent.length - 1];
    if (!(found instanceof Response)) throw found;
    return found;
  };
  const sleep = async (seconds: number): Promise<void> => void waited.push(seconds);
  return { rollcall: connect("https://example.org/rollcall/", "token", { fetch: get as typeof fetch, sleep }), sent, waited };
}

const busy = (seconds: string): Response => new Response(null, { status: 503, headers: { "Retry-After": seconds } });
const json = (content: unknown): Response =>
  new Response(JSON.stringify(content), { headers: { "Content-Type": "application/json" } });
const key = ([, init]: [URL, RequestInit]): string | undefined =>
  (init.headers as Record<string, string>)["Idempotency-Key"];

{
  const { rollcall, sent, waited } = scripted([busy("7"), new Error("slow"), json({ id: "1" })]);
  const answer = await rollcall.createAssignments({ body: { courseId: "c", recipients: [], reason: "r" } });
  equal(answer, { id: "1" });
  equal([waited[0], (waited[1] ?? 0) > 0, (waited[1] ?? 9) < 2], [7, true, true]);
  equal([new Set(sent.map(key)).size, (key(sent[0]!) ?? "").length >= 16], [1, true]);
}
{
  const { rollcall, sent } = scripted([new Error("slow")]);
  equal((await thrown(() => rollcall.cancelJob({ path: { job_id: "1" } }))) instanceof Unreachable, true);
  equal(sent.length, 1);
}
{
  const refused = Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
  const { rollcall, sent } = scripted([refused, json({})]);
  await rollcall.cancelJob({ path: { job_id: "1" } });
  equal(sent.length, 2);
}
{
  const { rollcall, sent, waited } = scripted(Array.from({ length: 9 }, () => busy("1")));
  const error = await thrown(() => rollcall.readMe());
  equal([(error as ApiError).status, sent.length, waited], [503, 4, [1, 1, 1]]);
}
{
  const { rollcall, sent } = scripted([json({ items: [1], nextCursor: "b" }), json({ items: [2], nextCursor: null })]);
  const items: unknown[] = [];
  for await (const item of rollcall.each("listParties", { query: { folderId: "a b" } })) items.push(item);
  equal(items, [1, 2]);
  equal(sent.map(([address]) => address.search), ["?folderId=a+b", "?folderId=a+b&cursor=b"]);
}
{
  const { rollcall, sent } = scripted([new Response("PK", { headers: { "Content-Type": "application/zip" } })]);
  equal([...(await rollcall.exportPack({ path: { pack_id: "a/b" } }))], [80, 75]);
  equal(sent[0]?.[0].pathname, "/rollcall/v1/packs/a%2Fb/file");
}
{
  const { rollcall, sent } = scripted([json({})]);
  await rollcall.changeAssignment({ path: { assignment_id: "a" }, body: { dueOn: "2027-01-31" }, ifMatch: '"7"' });
  equal((sent[0]?.[1].headers as Record<string, string>)["If-Match"], '"7"');
}
{
  const { rollcall, sent } = scripted([]);
  // @ts-expect-error: there is no such parameter
  const error = await thrown(async () => rollcall.listParties({ query: { folder: "deck" } }));
  equal([error instanceof TypeError, sent.length], [true, 0]);
}
