/** In V8 since 11.4 (TC39: JSON.parse source text access), not yet in TypeScript's library. */
interface JSON {
  /** A value that JSON.stringify writes as these characters: how exact digits leave as a JSON number. */
  rawJSON(text: string): object;
}
