/** One call: what to send, when to send it again, what its answer means. As `rollcall_client/exchange.py` does. */

import { OPERATIONS, type Operation } from "./generated/operations.js";

const ATTEMPTS = 4;
const LONGEST_WAIT = 30;
const TIMEOUT = 60_000;
const AGAIN = new Set([408, 429, 502, 503, 504]);
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** fetch, sleep: your own, for tests. sleep: waits for seconds. */
export interface Options {
  fetch?: typeof fetch;
  sleep?: (seconds: number) => Promise<void>;
}

/** What a call is given, by its kind. */
export interface Sent {
  operation: Operation;
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  body: unknown;
  contentType: string;
  idempotencyKey: string;
  ifMatch: string;
}

/** The API has refused a request. problem: its problem document. requestId: names it in the service's log. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Record<string, unknown>,
    readonly requestId: string | null,
    readonly url: string,
  ) {
    super(String(problem["detail"] ?? `${url} answered ${status}, and not as Rollcall's API does.`));
    this.name = "ApiError";
  }

  /** The kind of the problem, such as `not-found`; empty if the answer is not Rollcall's. */
  get slug(): string {
    return String(this.problem["type"] ?? "").split(":").at(-1) ?? "";
  }
}

/** No answer came, also after the last attempt. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** The request of an operation. One that takes an `Idempotency-Key` always has one. */
export function request(name: string, given: Partial<Sent>): Partial<Sent> & { operation: Operation } {
  const operation: Operation = OPERATIONS[name as keyof typeof OPERATIONS];
  const unknown = Object.keys(given.query ?? {}).filter((each) => !operation.query.includes(each));
  if (unknown.length > 0) throw new TypeError(`there is no parameter ${unknown.sort().join(", ")}`);
  return { ...given, operation, ...(operation.once && { idempotencyKey: given.idempotencyKey ?? newKey() }) };
}

/** Send a request, again if that helps and nothing can be made twice. Returns the answer's content. */
export async function send(
  url: string,
  token: string,
  sent: Partial<Sent> & { operation: Operation },
  options: Options,
): Promise<unknown> {
  const { fetch: get = fetch, sleep = slept } = options;
  const address = new URL(url.replace(/\/+$/, "") + addressOf(sent));
  const again = sent.operation.method !== "POST" || sent.idempotencyKey !== undefined;
  for (let attempt = 1; ; attempt++) {
    let got: Response;
    try {
      got = await get(address, initOf(token, sent));
    } catch (error) {
      if (attempt === ATTEMPTS || !(again || wasNotSent(error))) {
        throw new Unreachable(String(error), { cause: error });
      }
      await sleep(pause(attempt, null));
      continue;
    }
    if (!AGAIN.has(got.status) || attempt === ATTEMPTS || !again) return contentOf(got);
    await got.body?.cancel();
    await sleep(pause(attempt, got.headers.get("Retry-After")));
  }
}

function addressOf(sent: Partial<Sent> & { operation: Operation }): string {
  const path = sent.operation.path.replace(/{(\w+)}/g, (_, name: string) => {
    const value = sent.path?.[name];
    if (value === undefined || value === "") throw new TypeError(`${name} is missing`);
    return encodeURIComponent(String(value));
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sent.query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) query.append(name, String(each));
    }
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

function initOf(token: string, sent: Partial<Sent> & { operation: Operation }): RequestInit {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
  if (sent.idempotencyKey !== undefined) headers["Idempotency-Key"] = sent.idempotencyKey;
  if (sent.ifMatch !== undefined) headers["If-Match"] = sent.ifMatch;
  const init: RequestInit = { method: sent.operation.method, headers, signal: AbortSignal.timeout(TIMEOUT) };
  if (sent.body === undefined) return init;
  headers["Content-Type"] = sent.contentType ?? "application/json";
  return { ...init, body: sent.contentType ? (sent.body as BodyInit) : JSON.stringify(sent.body) };
}

async function contentOf(got: Response): Promise<unknown> {
  const kind = got.headers.get("content-type")?.split(";")[0] ?? "";
  if (!got.ok) {
    const problem = kind === "application/problem+json" ? ((await got.json()) as Record<string, unknown>) : {};
    throw new ApiError(got.status, problem, got.headers.get("X-Request-Id"), got.url);
  }
  if (kind === "application/json") return got.json();
  if (/^text\/|(json|jwt)$/.test(kind)) return got.text();
  const bytes = new Uint8Array(await got.arrayBuffer());
  return bytes.length > 0 ? bytes : undefined;
}

/** Seconds before the next attempt: as the service says, else longer each time. */
function pause(attempt: number, retryAfter: string | null): number {
  if (retryAfter !== null && /^\d+$/.test(retryAfter)) return Math.min(Number(retryAfter), LONGEST_WAIT);
  return Math.min(0.2 * 2 ** attempt, LONGEST_WAIT) * (0.5 + Math.random() / 2);
}

function slept(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Node names the reason of a failed `fetch` in its cause. A browser does not: there, what may have been sent counts as sent. */
function wasNotSent(error: unknown): boolean {
  const cause = (error as { cause?: { code?: string } }).cause;
  return NOT_SENT.has(cause?.code ?? "");
}

/** Node 18 has no `crypto` for everybody. A key has to be unique, and need not be secret. */
function newKey(): string {
  const found = globalThis.crypto as Crypto | undefined;
  return found?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 11)).join("-");
}
