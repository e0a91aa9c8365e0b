/** The types of the calls, derived from the types that openapi-typescript generates of the OpenAPI document. */

import type { operations } from "./generated/api.js";

export type Names = keyof operations;

type Part<Name extends Names, Which extends "path" | "query"> = NonNullable<operations[Name]["parameters"][Which]>;
type None = Record<never, never>;
type Empty<Type> = [Type] extends [never] ? true : false;

/** A field that can be left out if everything in it can be. */
type Field<Key extends string, Type> = None extends Type ? { [K in Key]?: Type } : { [K in Key]: Type };
type Parameters<Name extends Names, Which extends "path" | "query"> =
  Empty<Part<Name, Which>> extends true ? None : Field<Which, Part<Name, Which>>;

/** JSON; or a file, with its media type. */
type Content<C> = "application/json" extends keyof C
  ? { body: C["application/json"] } | { body: string | Blob | Uint8Array<ArrayBuffer>; contentType: string }
  : { body: string | Blob | Uint8Array<ArrayBuffer>; contentType: keyof C & string };
type Body<Name extends Names> = operations[Name] extends { requestBody: { content: infer C } }
  ? Content<C>
  : NonNullable<operations[Name]["requestBody"]> extends { content: infer C }
    ? Empty<NonNullable<operations[Name]["requestBody"]>> extends true
      ? None
      : Content<C> | None
    : None;

/** What a call is given. idempotencyKey: your own; the client makes one if you give none. ifMatch: an ETag. */
export type Given<Name extends Names> = Parameters<Name, "path"> &
  Parameters<Name, "query"> &
  Body<Name> & { idempotencyKey?: string; ifMatch?: string };

type Good = 200 | 201 | 202 | 204;
type Of<C> = "application/json" extends keyof C
  ? C["application/json"]
  : { [K in keyof C]: K extends `text/${string}` | `${string}json` | `${string}jwt` ? string : Uint8Array }[keyof C];
type OfResponse<R> = R extends { content: infer C } ? ([keyof C] extends [never] ? undefined : Of<C>) : undefined;

/** JSON as it is, texts as a string, other files as bytes; undefined for an answer without content. */
export type Answer<Name extends Names> = {
  [Status in keyof operations[Name]["responses"] & Good]: OfResponse<operations[Name]["responses"][Status]>;
}[keyof operations[Name]["responses"] & Good];

/** Every operation, by its id. */
export type Api = {
  [Name in Names]: None extends Given<Name>
    ? (given?: Given<Name>) => Promise<Answer<Name>>
    : (given: Given<Name>) => Promise<Answer<Name>>;
};

/** The operations that answer lists in pages. */
export type Lists = {
  [Name in Names]: Answer<Name> extends { items: unknown[]; nextCursor: string | null } ? Name : never;
}[Names];
export type Item<Name extends Names> = Answer<Name> extends { items: (infer Type)[] } ? Type : never;
