/**
 * JSON.parse, for text from clients: V8 reads a name with an escape as another one with a backslash that it has read
 * before (`{"h":1,"\"":2}` after `{"h":0,"\\":0}`; nodejs/node#63785, in every V8 from 12.8 on). So such names are taken out
 * of the text, read as values are, and put back into what was parsed.
 */

/** From the first escape of a text to its end, and the colon that makes it a name. */
const FROM_ESCAPE = /(?:\\.[^"\\]*)+"(\s*:)?/suy;

/** Half a character: what was decoded from UTF-8 has none, and an escaped one is in a name that was taken out. */
const MARK = '\ud800';

type Reviver = (this: unknown, key: string, value: unknown, context: { source: string }) => unknown;

/** As JSON.parse, of a text that was decoded from UTF-8. */
export function parseJson(text: string, reviver?: Reviver): unknown {
  // It also finds what is not JSON.
  const value = parse(text, reviver);
  if (!text.includes('\\')) return value;
  const { marked, names } = markNames(text);
  if (marked === text) return value;
  const parsed = parse(marked, reviver);
  putBack(parsed, names);
  return parsed;
}

function parse(text: string, reviver: Reviver | undefined): unknown {
  // TypeScript's library does not know of the source yet.
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as unknown;
}

/**
 * The text with a mark and a number for each name that needs an escape; one that does not is written without. So all spellings of a
 * name are one, and none that is marked is an array index, which objects list before other names. Takes one pass, whatever the text.
 */
function markNames(text: string): { readonly marked: string; readonly names: readonly string[] } {
  const names: string[] = [];
  let marked = '';
  let copied = 0;
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', FROM_ESCAPE.lastIndex)) {
    FROM_ESCAPE.lastIndex = at;
    const [, colon] = FROM_ESCAPE.exec(text)!;
    if (colon === undefined) continue;
    const start = text.lastIndexOf('"', at);
    const end = FROM_ESCAPE.lastIndex;
    const name = JSON.parse(text.slice(start, end - colon.length)) as string;
    const plain = JSON.stringify(name);
    marked += text.slice(copied, start);
    marked += plain.includes('\\') ? `"${MARK}${names.push(name) - 1}":` : `${plain}:`;
    copied = end;
  }
  return { marked: marked + text.slice(copied), names };
}

/** Without recursion: JSON may be nested as deep as it is long. */
function putBack(parsed: unknown, names: readonly string[]): void {
  const pending = [parsed];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const inner of Object.values(value)) pending.push(inner);
    if (!Array.isArray(value)) rename(value, names);
  }
}

/** In the order in which they were sent; of a name that is there twice the last one counts. */
function rename(object: object, names: readonly string[]): void {
  const entries = Object.entries(object) as [string, unknown][];
  if (!entries.some(([name]) => name.startsWith(MARK))) return;
  for (const [name] of entries) Reflect.deleteProperty(object, name);
  for (const [name, value] of entries) {
    const key = name.startsWith(MARK) ? names[Number(name.slice(MARK.length))]! : name;
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
