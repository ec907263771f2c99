/** Reads the source text and keeps the shape that ARCHITECTURE.md promises. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { describe, test } from 'node:test';

const REPO = resolve(import.meta.dirname, '..');
const SRC = join(REPO, 'src');

type Part = string;
/** Below everything: the rules of metering, and what has nothing to do with them. */
const BASE = ['domain', 'lib'];
const STORES = ['journal', 'usage', 'catalog', 'sqlite'];
/** What happens beside requests. */
const BESIDE = ['alerting', 'reporting', 'webhooks'];
/** What each folder of `src/` may import besides itself. What is not listed here may not exist. */
const MAY_IMPORT: Readonly<Record<Part, readonly Part[]>> = {
  domain: [],
  lib: ['domain'],
  sqlite: BASE,
  journal: ['sqlite', ...BASE],
  usage: ['journal', ...BASE],
  catalog: ['journal', 'sqlite', ...BASE],
  dedup: BASE,
  ingest: ['dedup', ...STORES, ...BASE],
  alerting: ['usage', 'catalog', ...BASE],
  reporting: ['ingest', 'usage', 'catalog', ...BASE],
  webhooks: ['catalog', ...BASE],
  api: [...BESIDE, 'ingest', ...STORES, ...BASE],
  http: ['api', ...BASE],
  config: BASE,
  ops: ['http', 'config', 'ingest', ...STORES, ...BASE],
  cli: ['ops', 'config', 'http', 'api', ...BESIDE, 'ingest', 'dedup', ...STORES, ...BASE],
  main: ['cli', 'config', ...BASE],
};

/** No `node:*`, no package, no clock, randomness or environment. */
const PURE = ['domain'];
const IMPURE_WORDS =
  /\b(?:Date|performance|process|crypto|setTimeout|setInterval|setImmediate|fetch|console|globalThis)\b|\bMath\.random\b/u;

type Source = { readonly path: string; readonly part: Part; readonly text: string };

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The folder or the file directly below `src/` that a path belongs to. */
function partOf(path: string): Part {
  return (relative(SRC, path).split(sep)[0] ?? '').replace(/(?:\.d)?\.ts$/u, '');
}

const all: readonly Source[] = filesBelow(SRC)
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => ({ path, part: partOf(path), text: readFileSync(path, 'utf8') }));
/** Tests and their helpers may look anywhere. */
const sources = all.filter(({ path }) => !/\.test\.ts$|[\\/]testing[\\/]/u.test(path));

/** The text without comments, for rules about code. Good enough: strings with `//` in them lose their end. */
function code(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//gu, '').replaceAll(/(?<!:)\/\/.*$/gmu, '');
}

function importsOf(text: string): string[] {
  const statement =
    /^(?:import|export)\s+(?:type\s+)?(?:[\w*\s{},$]+?\sfrom\s+)?['"]([^'"\n]+)['"];?$/gmu;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/gu;
  return [...code(text).matchAll(statement), ...code(text).matchAll(dynamic)].map(
    (match) => match[1] ?? '',
  );
}

function shown(path: string): string {
  return relative(REPO, path);
}

function foldersBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

function entriesOf(folder: string): number {
  return readdirSync(folder).filter((name) => !name.endsWith('.test.ts')).length;
}

/** Helpers of tests, of which one may be enough. Migrations are never fewer. */
const EXCEPT_ENTRIES = /[\\/](?:testing|migrations|catalog[\\/]sqlite)$/u;

describe('src/', () => {
  test('has sources', () => {
    assert.ok(sources.length > 10);
  });

  test('has only the parts that the import rule knows', () => {
    const unknown = sources.filter(({ part }) => MAY_IMPORT[part] === undefined);
    assert.deepEqual(
      unknown.map(({ path }) => shown(path)),
      [],
    );
  });

  test('imports point one way', () => {
    const wrong = sources.flatMap(({ path, part, text }) =>
      importsOf(text)
        .filter((target) => target.startsWith('.'))
        .map((target) => resolve(dirname(path), target))
        .filter((target) => {
          const to = partOf(target);
          return to !== part && !(MAY_IMPORT[part] ?? []).includes(to);
        })
        .map((target) => `${shown(path)} imports ${shown(target)}`),
    );
    assert.deepEqual(wrong, []);
  });

  test('api/ opens no socket', () => {
    const sockets = /^node:(?:net|tls|dgram|http2?|https)$/u;
    const wrong = sources
      .filter(({ part }) => part === 'api')
      .flatMap(({ path, text }) =>
        importsOf(text.replaceAll(/^import type [^;]*;$/gmu, ''))
          .filter((target) => sockets.test(target))
          .map((target) => `${shown(path)} imports ${target}`),
      );
    assert.deepEqual(wrong, []);
  });

  test('no file imports itself, by whichever way', () => {
    const targets = new Map(
      sources.map(({ path, text }) => [
        path,
        importsOf(text)
          .filter((target) => target.startsWith('.'))
          .map((target) => resolve(dirname(path), target)),
      ]),
    );
    const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
      (targets.get(from) ?? []).some((next) => {
        if (next === goal) return true;
        if (seen.has(next)) return false;
        seen.add(next);
        return reaches(next, goal, seen);
      });
    const wrong = [...targets.keys()].filter((path) => reaches(path, path)).map(shown);
    // Types only, of seams that are about to be cut: a circle that is mended leaves this list.
    assert.deepEqual(wrong, [
      'src/catalog/catalog.ts',
      'src/catalog/core-events.ts',
      'src/usage/customer-usage.ts',
      'src/usage/event-search.ts',
      'src/usage/usage-store.ts',
    ]);
  });

  test('a folder has 2 to 20 entries: tests beside their sources are not counted', () => {
    const crowded = foldersBelow(SRC)
      .filter((folder) => !EXCEPT_ENTRIES.test(folder))
      .map((folder) => [shown(folder), entriesOf(folder)] as const)
      .filter(([, entries]) => entries < 2 || entries > 20);
    assert.deepEqual(crowded, []);
  });

  test('imports name files with their ending', () => {
    const wrong = all.flatMap(({ path, text }) =>
      importsOf(text)
        .filter((target) => target.startsWith('.') && !/\.(?:ts|json|sql)$/u.test(target))
        .map((target) => `${shown(path)}: ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  test('the pure parts import nothing but sources', () => {
    const wrong = sources
      .filter(({ part }) => PURE.includes(part))
      .flatMap(({ path, text }) =>
        importsOf(text)
          .filter((target) => !target.startsWith('.'))
          .map((target) => `${shown(path)} imports ${target}`),
      );
    assert.deepEqual(wrong, []);
  });

  test('the pure parts read no clock, randomness or environment', () => {
    const wrong = sources
      .filter(({ part, text }) => PURE.includes(part) && IMPURE_WORDS.test(withoutTexts(text)))
      .map(({ path, text }) => `${shown(path)}: ${IMPURE_WORDS.exec(withoutTexts(text))?.[0]}`);
    assert.deepEqual(wrong, []);
  });

  test('only clock.ts asks for the time', () => {
    const wrong = sources.filter(
      ({ path, text }) =>
        basename(path) !== 'clock.ts' && /\bDate\.now\b|\bnew Date\(\)/u.test(code(text)),
    );
    assert.deepEqual(
      wrong.map(({ path }) => shown(path)),
      [],
    );
  });

  test('only config.ts reads the environment, which main.ts hands to it', () => {
    const reads =
      /\bprocess\.env\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*['"]node:process['"]/u;
    const wrong = sources.filter(
      ({ part, text }) => !['config', 'main'].includes(part) && reads.test(code(text)),
    );
    assert.deepEqual(
      wrong.map(({ path }) => shown(path)),
      [],
    );
  });

  test('only terminal.ts prints, and so nothing that a terminal would obey', () => {
    const wrong = sources.filter(
      ({ path, text }) =>
        basename(path) !== 'terminal.ts' && /\bconsole\b/u.test(withoutTexts(text)),
    );
    assert.deepEqual(
      wrong.map(({ path }) => shown(path)),
      [],
    );
  });

  test('no barrels, no folder named utils', () => {
    const wrong = all
      .map(({ path }) => shown(path))
      .filter((path) => basename(path) === 'index.ts' || path.split(sep).includes('utils'));
    assert.deepEqual(wrong, []);
  });
});

/** Test code that is not below test/. */
const TEST_CODE = /\.test\.ts$|[\\/](?:contract|testing)(?:[\\/]|\.ts$)/u;

/** Steps of schemas that were released: from them alone a folder of an earlier version can be made. */
const SEES_SCHEMAS = join(REPO, 'test/crash/folder-of-version-1.ts');

test('the tests outside src/ see only the outside', () => {
  const wrong = filesBelow(join(REPO, 'test'))
    .filter((path) => path.endsWith('.ts') && path !== SEES_SCHEMAS)
    .flatMap((path) =>
      importsOf(readFileSync(path, 'utf8'))
        .filter((target) => target.startsWith('.'))
        .filter((target) => resolve(dirname(path), target).startsWith(SRC + sep))
        .map((target) => `${shown(path)} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

/** What runs when tests do. */
const testSources: readonly { readonly path: string; readonly text: string }[] = [
  ...filesBelow(join(REPO, 'test')),
  ...filesBelow(join(REPO, 'fuzz')),
  ...[SRC, join(REPO, 'bench')].flatMap(filesBelow).filter((path) => TEST_CODE.test(path)),
]
  .filter((path) => path.endsWith('.ts') && path !== import.meta.filename)
  .map((path) => ({ path: shown(path), text: withoutTexts(readFileSync(path, 'utf8')) }));

/** Which test sources have it, but for those that may, with the reason. */
function sourcesWith(what: RegExp, except: Readonly<Record<string, string>> = {}): string[] {
  const found = testSources.filter(({ text }) => what.test(text)).map(({ path }) => path);
  assert.deepEqual(
    Object.keys(except).filter((path) => !found.includes(path)),
    [],
    'an exception that nothing needs any more',
  );
  return found.filter((path) => except[path] === undefined);
}

describe('tests pass on a machine that others use', () => {
  test('they wait for conditions, by test/support/wait.ts', () => {
    const timers = /\bset(?:Timeout|Interval)\b|\bAbortSignal\.timeout\b/u;
    const found = sourcesWith(timers, {
      'fuzz/http.ts': 'a mutated request that is not whole is given up, which fails nothing',
      'test/sdk/programs.ts': 'a program that is not built in time is skipped, which fails nothing',
      'test/soak/soak.ts': 'how long it lasts is what it was asked for',
      'test/support/raw.ts': 'a server that does not close is an outcome, after all patience',
      'test/support/server.ts': 'a process that hangs is killed, after all patience',
      'test/support/wait.ts': 'here it is',
    });
    assert.deepEqual(found, [], 'use `until`, `within` or `pause` of test/support/wait.ts');
  });

  test('they assert nothing about how long something took', () => {
    const clocks = /\bDate\.now\b|\bperformance\.now\b|\bhrtime\b/u;
    const found = sourcesWith(clocks, {
      'fuzz/http.ts': 'how long it lasts is what it was asked for',
      'fuzz/pipelines.ts': 'the same',
      'fuzz/readers.ts': 'the same',
      'fuzz/run.ts': 'it reports how long it took',
      'fuzz/watched-server.ts': 'it reports the slowest',
      'test/crash/torture.ts': 'it reports how long restarts took',
      'test/soak/faults.ts': 'a flood ends, whatever it has reached',
      'test/soak/soak.ts': 'how long it lasts is what it was asked for',
      'test/support/times.ts': 'the time of day, to compare with what a server says',
      'test/support/wait.ts': 'all waiting has an end',
    });
    assert.deepEqual(found, [], 'use `nowMs` or `nowS` before and after, or `cpuMs`');
    const compared = /\bnow(?:Ms|S)\(\) - [^\n;]* [<>]|(?<!=)[<>]=? [^\n;]*\bnow(?:Ms|S)\(\) [-+]/u;
    assert.deepEqual(sourcesWith(compared), [], 'a slow machine makes the difference larger');
  });

  test('they have no timeout of their own, but for those that repeat something many times', () => {
    const found = sourcesWith(/\btimeout: [\d_]+\s*[,}]/u);
    assert.deepEqual(found, [], 'npm test has one for each test, of ten minutes');
  });
});

test('no file names a path of the machine that it was written on', () => {
  const machine =
    /(?<![\w.])\/(?:work|root|home\/[a-z]\w*|Users\/\w+|tmp\/\w+)\/|\b[A-Z]:\\Users\\/u;
  const folders = ['src', 'test', 'bench', 'fuzz', 'docs', 'ops', '.ci', '.github'];
  const top = readdirSync(REPO, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'package-lock.json')
    .map((entry) => join(REPO, entry.name));
  const wrong = [...top, ...folders.flatMap((folder) => filesBelow(join(REPO, folder)))]
    .map((path) => [path, machine.exec(readFileSync(path, 'latin1'))] as const)
    .filter(([, match]) => match !== null)
    .map(([path, match]) => `${shown(path)}: ${match?.[0]}`);
  assert.deepEqual(wrong, []);
});

/** Without comments and texts, so that a word in a message is no use of it. */
function withoutTexts(text: string): string {
  return code(text)
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/gu, "''")
    .replaceAll(/`[^`]*`/gu, '``');
}

test('nothing compiles on install: npm would, where the lockfile does not say that there is no need', () => {
  const lock = JSON.parse(readFileSync(join(REPO, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { gypfile?: boolean }>;
  };
  assert.equal(lock.packages['node_modules/better-sqlite3']?.gypfile, false);
});
