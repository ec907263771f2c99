/**
 * Figures about the code that the pages tell are those of the code. A phrase below is made of constants as the sources have
 * them; the page has to say it so. Whoever changes a constant is told which page to change; whoever writes another such
 * figure into a page adds its phrase here. Figures that were measured are not looked at.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';

const REPO = resolve(import.meta.dirname, '..');
const source = (path: string): string => readFileSync(join(REPO, path), 'utf8');
const page = (path: string): string => source(path).replaceAll(/\s+/gu, ' ');

const PAGES = [
  ...readdirSync(REPO).filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
  ...readdirSync(join(REPO, 'docs')).map((name) => `docs/${name}`),
];

/** The value of `const NAME = …`, a number or a product of numbers and of other such constants of the file. */
function constant(path: string, name: string): number {
  const text = source(path);
  const found = new RegExp(`const ${name}(?:: \\w+)? =\\s+([\\w\\s.*/]+);`, 'u').exec(text)?.[1];
  assert.ok(found !== undefined, `${path} has no const ${name} that is a number`);
  return valueOf(path, found);
}

function valueOf(path: string, expression: string): number {
  return expression.split(/ \* /u).reduce((product, factor) => {
    const [base = '', power] = factor.trim().split(' ** ');
    const [dividend = '', divisor] = base.split(' / ');
    const value = /^[\d_.]+$/u.test(dividend)
      ? Number(dividend.replaceAll('_', ''))
      : constant(path, dividend);
    return (product * value ** Number(power ?? 1)) / Number(divisor ?? 1);
  }, 1);
}

/** What the file says in this place, as a number. */
function figure(path: string, place: RegExp): number {
  const found = place.exec(source(path))?.[1];
  assert.ok(found !== undefined, `${path} has nothing like ${place}`);
  return Number(found.replaceAll(/[_,]/gu, ''));
}

const WORDS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
];
const words = (count: number): string =>
  count === 16
    ? 'sixteen'
    : count === 100
      ? 'hundred'
      : (WORDS[count] ?? count.toLocaleString('en'));
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const n = (count: number): string => (count >= 1000 ? count.toLocaleString('en') : String(count));
const mib = (bytes: number): number => bytes / 1024 ** 2;
const seconds = (ms: number): number => ms / 1000;
const days = (ms: number): number => ms / 86_400_000;

const env = (path: string, name: string): number =>
  figure(path, new RegExp(`${name}'\\] \\?\\? '(\\d+)'`, 'u'));
const flag = (name: string): number =>
  figure('src/config/config.ts', new RegExp(`'${name}',[^?]*\\?\\? (\\d[\\d_]*)`, 'u'));

const PAST_DAYS = constant('src/domain/meter-events/measure.ts', 'PAST_DAYS');
const OLDEST_NODE = (() => {
  const path = 'src/cli/node-floor.ts';
  const line = constant(path, 'OLDEST_LINE');
  const [, floor] = new RegExp(`${line}: \\[(\\d+, \\d+)\\]`, 'u').exec(source(path)) ?? [];
  return `${line}.${floor?.replace(', ', '.')}`;
})();
const BLOCKS_KEPT = mib(constant('src/journal/sqlite/kept-blocks.ts', 'KEPT_BYTES_MAX'));
const TRIES = (() => {
  const [, steps = ''] =
    /RETRY_DELAYS_MS[^=]*= \[([^\]]*)\]/u.exec(source('src/domain/core-events/delivery.ts')) ?? [];
  return steps.split('\n').filter((line) => line.includes('_MS')).length + 1;
})();
const STOP_WAITS_S = seconds(constant('src/webhooks/deliverer.ts', 'CLOSE_TIMEOUT_MS'));
const STREAM = 'src/api/stream/create-meter-event-stream.ts';
const STREAM_VALUES = constant(STREAM, 'VALUES_MAX');
const EVENTS_MAX = figure('src/config/config.ts', /'stream-events-max', ([\d_]+)/u);
const KEYS_MAX = constant('src/api/meter-events/meter-events.ts', 'PAYLOAD_KEYS_MAX');
const GUESSES = constant('src/config/config.ts', 'AUTH_FAILURES_MAX');
const ANSWER_LENGTH = constant('src/domain/core-events/delivery.ts', 'ANSWER_LENGTH_MAX');
const CONNECTIONS = 'src/http/connections.ts';
const limit = (name: string): number =>
  figure(CONNECTIONS, new RegExp(`^  ${name}: ([\\d_]+),$`, 'mu'));

const README: readonly string[] = [
  `${constant('src/domain/quantity.ts', 'INTEGER_DIGITS_MAX')} digits before the point, ${constant('src/domain/quantity.ts', 'FRACTION_DIGITS_MAX')} after`,
  `accepted once in ${PAST_DAYS} days`,
  `the test suite does it ${env('test/crash/kill.test.ts', 'TAXIMETER_KILLS')} times`,
  `any Node from ${figure('package.json', /"node": ">=(\d+)"/u)} on`,
  `(${n(STREAM_VALUES)} at most: 15 payload keys in each of ${n(EVENTS_MAX)} events)`,
  `for ${flag('session-minutes')} minutes`,
  `up to ${figure('src/config/config.ts', /'session-minutes', ([\d_]+)/u)} |`,
  `up to ${n(EVENTS_MAX)} |`,
  `${figure('src/config/config.ts', /'events-days', [\d_]+, (\d+)/u)} at least |`,
];
const ARCHITECTURE: readonly string[] = [
  `A mode has ${n(constant('src/domain/meter.ts', 'METERS_MAX'))} meters at most, active or not, and an event name ${constant('src/domain/meter.ts', 'METERS_OF_EVENT_NAME_MAX')}`,
  `(${PAST_DAYS} days)`,
  `up to ${constant('src/ingest/flusher.ts', 'ROOM_MS')} ms.`,
  `${n(constant('src/ingest/flusher.ts', 'GATHER_ROWS'))} rows do (${n(constant('src/ingest/flusher.ts', 'GATHER_ROWS_WHILE_READ'))} while somebody reads)`,
  `in at most ${constant('src/journal/sqlite/moved-ranges.ts', 'RANGES_MAX')} ranges`,
  `the last ${BLOCKS_KEPT} MB of blocks`,
  `so one writes, ${words(constant('src/usage/chdb/pools.ts', 'READERS'))} read summaries`,
  `writes a full table (${constant('src/config/config.ts', 'IDENTIFIERS_IN_MEMORY') / 1e6} million)`,
  `in the ratio of ${words(constant('src/dedup/compaction-rule.ts', 'RATIO'))}`,
  `reads one page of ${constant('src/dedup/page.ts', 'PAGE_BYTES') / 1024} KiB`,
  `keeps ${constant('src/journal/receipt.ts', 'RECEIPT_BYTES')} bytes`,
  `Up to ${constant('src/http/fast-path/request.ts', 'WAITED_FOR_BYTES_MAX') / 1024} KB of a request`,
  `for 0.8 s: ${n(STREAM_VALUES)} values`,
  `more than a ${words(constant('src/webhooks/deliverer.ts', 'IN_FLIGHT_MAX'))} destinations that all hang, each waits for the others, ${seconds(constant('src/webhooks/sender.ts', 'ANSWER_TIMEOUT_MS'))} s`,
];
const SESSIONS = constant('src/catalog/catalog.ts', 'SESSIONS_MAX');
const SESSIONS_OF_KEY = constant('src/catalog/catalog.ts', 'SESSIONS_OF_KEY_MAX');
const OPERATIONS: readonly string[] = [
  `may have ${n(SESSIONS)} sessions at once and a key ${n(SESSIONS_OF_KEY)} of them`,
  `There may be ${n(constant('src/domain/key.ts', 'KEYS_MAX'))} keys that are not revoked`,
  `past ${mib(constant('src/lib/log.ts', 'WAITING_BYTES_MAX'))} MB of waiting lines`,
  `(${mib(constant('src/ingest/disk-space.ts', 'RESERVE_BYTES'))} MiB, or a twentieth of a smaller disk)`,
  `has tried ${GUESSES} wrong keys`,
  `\`--events-days\` (${flag('events-days')})`,
  `A stop waits ${STOP_WAITS_S} seconds for answers of receivers`,
  `more than ${mib(constant('src/cli/sample-audit.ts', 'BYTES_WAITING_MAX'))} MB wait for the usage store`,
];
const WEBHOOKS: readonly string[] = [
  `for ${flag('events-days')} days (\`--events-days\`)`,
  `${capital(words(constant('src/domain/core-events/destination.ts', 'DESTINATIONS_MAX')))} in each mode`,
  `within ${seconds(constant('src/webhooks/sender.ts', 'ANSWER_TIMEOUT_MS'))} seconds`,
  `${TRIES} tries in 72 hours`,
  `its last ${constant('src/domain/core-events/delivery.ts', 'ATTEMPTS_KEPT')} tries`,
  `the first ${ANSWER_LENGTH} characters of the answer`,
  `failed for ${words(days(constant('src/domain/core-events/destination.ts', 'DISABLE_AFTER_MS')))} days`,
];
const RELIABILITY: readonly string[] = [
  `in slices of ${constant('src/lib/turns.ts', 'SLICE_MS')} ms`,
  `the last ${constant('test/crash/settle.ts', 'LAST_EVENTS')} acknowledged events and ${constant('test/crash/settle.ts', 'LAST_BATCHES')} batches`,
  `\`npm run test:crash\` (${env('test/crash/kill.test.ts', 'TAXIMETER_KILLS')} kills)`,
  `\`node --test test/crash/webhooks.test.ts\`, ${env('test/crash/webhooks.test.ts', 'TAXIMETER_KILLS')} kills`,
  `(${env('test/damage/flips.test.ts', 'TAXIMETER_FLIPS')} in CI)`,
  `up to ${figure('test/crash/kill.ts', /start: (\d+)/u)} ms after the spawn`,
  `up to ${figure('test/crash/kill.ts', /flush: (\d+)/u)} ms after the file`,
  `up to ${figure('test/crash/kill.ts', /shutdown: (\d+)/u)} ms after SIGTERM`,
  `up to ${figure('test/crash/kill.ts', /migration: (\d+)/u)} ms after the spawn`,
  `with ${figure('test/crash/world.ts', /'--identifiers-in-memory', '(\d+)'/u)} identifiers in memory`,
  `with ${n(constant('test/crash/world.ts', 'OLD_EVENTS'))} events, half of them in its journal`,
  `the stop waits ${STOP_WAITS_S} s`,
  `looked at every ${constant('src/cli/serve.ts', 'DISK_MS')} ms`,
  `(the last ${BLOCKS_KEPT} MB,`,
  `pages of a SQLite file of more than ${mib(constant('src/sqlite/open-checked.ts', 'CHECKED_BYTES_MAX'))} MB`,
  `after \`--read-seconds\` (${flag('read-seconds')}), at once when ${n(constant('src/usage/usage-reader.ts', 'READS_MAX'))} wait`,
  `after \`--stop-seconds\` (${constant('src/config/config.ts', 'STOP_SECONDS')})`,
  `by the connections, ${n(flag('connections-max'))} at most`,
  `${ANSWER_LENGTH} characters of the answer kept`,
  `except that past ${mib(constant('src/ingest/committer.ts', 'BLOCK_LENGTH_MAX'))} MB that wait for the journal`,
  `at most ${KEYS_MAX + figure(STREAM, /PAYLOAD_KEYS_MAX \+ (\d+)/u)} values for each event that it may have, others ${n(constant('src/api/read/json.ts', 'VALUES_MAX'))}`,
  `429 past ${mib(constant('src/http/limits/body-budget.ts', 'BYTES_MAX'))} MiB`,
  `no more than ${constant('src/domain/characters.ts', 'SHOWN_MAX')} characters`,
  `408 after ${seconds(limit('headersTimeoutMs'))} s for headers and ${seconds(limit('requestTimeoutMs'))} s in all`,
  `closed after ${words(seconds(limit('stalledTimeoutMs')) / 60)} minutes without a byte`,
  `Does not start below ${OLDEST_NODE}`,
  `(${n(STREAM_VALUES)} values whose names all differ)`,
  `after ${GUESSES} wrong ones in a minute`,
  `memory is bounded: ${n(constant('src/api/access/auth-failure-limiter.ts', 'ADDRESSES_MAX'))} addresses that failed, ${n(constant('src/api/access/auth-failure-limiter.ts', 'TRUSTED_MAX'))} pairs`,
];
const SAYS: Readonly<Record<string, readonly string[]>> = {
  'README.md': README,
  'ARCHITECTURE.md': ARCHITECTURE,
  'CONTRIBUTING.md': [
    `brings Node ${figure('package.json', /"node": "\^(\d+)/u)} along`,
    `${figure('.ci/run', /fuzz -- --seconds (\d+)/u)} s of fuzzing`,
    `${capital(words(figure('fuzz/run.ts', /executions: \{[^}]*default: '(\d+)'/u) / 1e6))} million mutated inputs`,
  ],
  'SECURITY.md': [`Node ${OLDEST_NODE} or later`],
  'docs/operations.md': OPERATIONS,
  'docs/webhooks.md': WEBHOOKS,
  'docs/alerts.md': [
    `${n(constant('src/domain/alert.ts', 'ALERTS_ABOUT_ONE_MAX'))} active alerts about all customers`,
    `${n(constant('src/domain/alert.ts', 'ALERTS_MAX'))} that are not archived`,
    `every ${words(seconds(constant('src/reporting/error-reporter.ts', 'REPORT_MS')))} seconds`,
    `up to ${words(constant('src/reporting/error-reporter.ts', 'SAMPLES_MAX'))} samples`,
  ],
  'docs/event-look-up.md': [`cut after ${n(constant(STREAM, 'SENT_LENGTH_MAX'))} characters`],
  'docs/reliability.md': RELIABILITY,
};

describe('figures about the code are those of the code', () => {
  for (const [path, phrases] of Object.entries(SAYS)) {
    test(path, () => {
      const text = page(path);
      const missing = phrases.filter((phrase) => !text.includes(phrase));
      assert.deepEqual(missing, [], `by the sources, ${path} should say this`);
    });
  }

  test('what is counted in the sources is counted in no page by hand', () => {
    const number = `(?:\\d[\\d,]*|${WORDS.slice(2).join('|')})`;
    const counted = 'routes|scopes|packages|dependencies|flags|migrations|metrics|commands|tests';
    const pattern = new RegExp(`\\b${number} (?:${counted})\\b`, 'giu');
    const found = PAGES.flatMap((path) =>
      [...page(path).matchAll(pattern)]
        .filter(([text]) => !(SAYS[path] ?? []).some((phrase) => phrase.includes(text)))
        .map(([text]) => `${path}: ${text}`),
    );
    assert.deepEqual(found, [], 'leave the number out, or add a phrase that has it to this file');
  });
});

describe('lists of what there is', () => {
  test('SECURITY.md names the packages at run time', () => {
    const { dependencies } = JSON.parse(source('package.json')) as { dependencies: object };
    const names = Object.keys(dependencies).map((name) => `\`${name}\``);
    const said = `At run time ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
    assert.ok(page('SECURITY.md').includes(said), `SECURITY.md should say: ${said}`);
  });

  test('README.md has a row for each thing that the API serves', () => {
    const routes = readdirSync(join(REPO, 'src/api'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .flatMap((path) => [...source(`src/api/${path}`).matchAll(/\bpath: '(\/v[12]\/[^']+)'/gu)])
      .map(([, path]) => path!.replaceAll(/:\w+/gu, '{id}'));
    assert.ok(routes.length > 10, 'routes are found');
    const [, table = ''] = source('README.md').split('## What it serves');
    const shown = [...table.split('\n##')[0]!.matchAll(/`(\/[^`]+)`/gu)].map(([, path]) => path!);
    const missing = routes.filter(
      (path) => !shown.some((prefix) => `${path}/`.startsWith(`${prefix}/`)),
    );
    assert.deepEqual([...new Set(missing)], [], 'a row of the table below "What it serves"');
  });
});
