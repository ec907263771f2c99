/** In V8 since 11.4 (TC39: JSON.parse source text access), not yet in TypeScript's library. */
interface JSON {
  /** A value that JSON.stringify writes as these characters: how exact digits leave as a JSON number. */
  rawJSON(text: string): object;
  /** `source`: the characters of a number, a text, true, false or null as they stand. */
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
}
