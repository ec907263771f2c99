/** What `/metrics` says, read as Prometheus reads it. */
import assert from 'node:assert/strict';
import { call } from './http.ts';
import { pause } from './wait.ts';

export type Scrape = {
  readonly text: string;
  /** By name and labels, as they are written. */
  readonly samples: ReadonlyMap<string, number>;
  /** `counter`, `gauge` or `histogram`, by name. */
  readonly types: ReadonlyMap<string, string>;
};

const SAMPLE =
  /^(?<series>[a-zA-Z_:][\w:]*(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})?) (?<value>\S+)$/u;

/** A page is made once for all that ask within a second. */
const MADE_AGAIN_MS = 1_000;

/** What is true when it is called, or later. Fails for a line that is not of the text format 0.0.4, and for a series that comes twice. */
export async function scrape(origin: { readonly url: string }): Promise<Scrape> {
  await pause(MADE_AGAIN_MS);
  const answer = await call(origin, { path: '/metrics', key: null });
  assert.equal(answer.status, 200, answer.text);
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/u);
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of answer.text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE (?<name>\S+) (?<type>counter|gauge|histogram|summary)$/u.exec(
      line,
    )?.groups;
    if (type !== undefined) {
      types.set(type['name']!, type['type']!);
      continue;
    }
    const { series, value } = SAMPLE.exec(line)?.groups ?? assert.fail(`no sample: ${line}`);
    assert.ok(!samples.has(series!), `twice: ${series}`);
    samples.set(series!, Number(value));
  }
  return { text: answer.text, samples, types };
}
