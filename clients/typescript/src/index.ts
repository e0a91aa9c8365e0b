/**
 * Rollcall's API for TypeScript and JavaScript: every operation as a function, with retries, idempotency keys, pages
 * and jobs. It needs nothing but `fetch`.
 *
 *     const rollcall = connect("https://training.example.com", token);
 *     for await (const party of rollcall.each("listParties", { query: { folderId: "deck" } })) console.log(party.displayName);
 *     const job = await rollcall.wait(await rollcall.createAssignments({ body: { courseId, recipients, reason } }));
 */

import { ApiError, Unreachable, request, send, type Options, type Sent } from "./exchange.js";
import { OPERATIONS } from "./generated/operations.js";
import type { components } from "./generated/api.js";
import type { Answer, Api, Given, Item, Lists, Names } from "./types.js";

export { ApiError, Unreachable, OPERATIONS };
export type { Answer, Api, Given, Names, Options };

/** The types of the API's bodies and answers by name, such as `Schemas["JobAnswer"]`. */
export type Schemas = components["schemas"];
type Job = Schemas["JobAnswer"];

const WAIT_SECONDS = 20;

export interface Rollcall extends Api {
  /** Every item of a list, from all its pages. */
  each<Name extends Lists>(name: Name, given?: Given<Name>): AsyncGenerator<Item<Name>>;
  /** A job when it has ended, or waits for approval. */
  wait(job: Job): Promise<Job>;
}

/** The API at one address, called with one token. Calls throw ApiError and Unreachable. */
export function connect(url: string, token: string, options: Options = {}): Rollcall {
  const call = (name: string, given: Partial<Sent> = {}): Promise<unknown> =>
    send(url, token, request(name, given), options);
  const methods = Object.keys(OPERATIONS).map((name) => [name, (given?: Partial<Sent>) => call(name, given)]);
  const api = Object.fromEntries(methods) as Api;

  async function* each(name: string, given: Partial<Sent> = {}): AsyncGenerator<unknown> {
    let cursor: string | null = null;
    do {
      const query: Record<string, unknown> = cursor === null ? { ...given.query } : { ...given.query, cursor };
      const page = (await call(name, { ...given, query })) as { items: unknown[]; nextCursor: string | null };
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  async function wait(job: Job): Promise<Job> {
    while (job.finishedAt === null && job.state !== "awaiting_approval") {
      job = await api.readJob({ path: { job_id: job.id }, query: { wait: WAIT_SECONDS } });
    }
    return job;
  }

  return { ...api, each: each as Rollcall["each"], wait };
}
