/** A text literal of ClickHouse's SQL, for paths of ours; for what clients send see `toText`. */
export function toLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
