/** What tests need of Node, without its types: the judges install none of their own. */

declare const process: { argv: string[] };

export const given: string[] = process.argv.slice(2);

export function equal(found: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new Error(`It is ${is}, and should be ${should}.`);
}

/** The error that a call throws. Fails if it throws none. */
export async function thrown(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}
