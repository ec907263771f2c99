/** README.md's table of the flags of `taximeter serve` is what the command reads: each flag, its variable, its default. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readServeConfig, type Env } from './config.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const HEAD = '| Flag of `taximeter serve` | Environment | Default | |';

type Row = { readonly flag: string; readonly variable: string; readonly default: string };

/** Rows without a flag are for what comes by the environment alone, such as secrets. */
const rows: readonly Row[] = tableBelow(HEAD)
  .map(([flag = '', variable = '', byDefault = '']) => ({
    flag: flag.replaceAll(/`|--/gu, ''),
    variable: variable.replaceAll('`', ''),
    default: byDefault.replaceAll('`', ''),
  }))
  .filter(({ flag }) => flag !== '');

/** Some value that each flag takes is among these, or is named by its refusal, and is not its default. */
const VALUES = ['7', '99', '9999999', '127.0.0.9', 'true'];
/** Why there is no variable. */
const NO_VARIABLE: Readonly<Record<string, string>> = { 'accept-torn-log': 'it is for one start' };
/** What is computed from something else, with what the table says of it. */
const COMPUTED: Readonly<Record<string, string>> = {
  'identifier-window-days': '35, or --past-days if more',
  'disk-reserve-bytes': '256 MiB, or a twentieth of a smaller disk',
  metrics: 'api on loopback, else off',
};

function tableBelow(head: string): string[][] {
  const [, below = ''] = readme.split(head);
  const lines = below.trimStart().split('\n').slice(1);
  const table = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
  assert.ok(table.length > 10, `README.md has no table with the head ${head}`);
  return table.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1),
  );
}

/** Those that the command takes, as its source names them. */
function flagsOfServe(): string[] {
  const source = readFileSync(new URL('./config.ts', import.meta.url), 'utf8');
  const flagsIn = (text = ''): string[] =>
    [...text.matchAll(/^\s*'?([a-z-]+)'?: (?:\{ type: '\w+' \}|DATA),$/gmu)].map(
      ([, name]) => name!,
    );
  const serve = /function readServeConfig[^]*?parseFlags\(args, \{([^]*?)\}\);/u.exec(source)?.[1];
  const windows = /const WINDOWS = \{([^]*?)\} as const/u.exec(source)?.[1];
  assert.match(serve ?? '', /\.\.\.WINDOWS/u);
  return [...flagsIn(serve), ...flagsIn(windows)];
}

type Config = Readonly<Record<string, unknown>>;
const serveConfig = (args: readonly string[], env: Env = {}): Config => readServeConfig(args, env);

function keyOf(flag: string): string {
  return flag.replaceAll(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
}

/** As the table writes it. */
function shown(value: unknown): string {
  if (value === undefined) return 'no limit';
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  const gibibytes = value / 1024 ** 3;
  if (Number.isInteger(gibibytes) && gibibytes > 0) return `${gibibytes} GiB`;
  return value >= 10_000 ? value.toLocaleString('en') : String(value);
}

describe('the table of flags in README.md', () => {
  test('has each flag once, and no other', () => {
    assert.deepEqual(
      rows.map(({ flag }) => flag).toSorted(),
      flagsOfServe().toSorted(),
      'a row `| --flag | TAXIMETER_FLAG | default | what it does |` for each flag of readServeConfig',
    );
  });

  for (const { flag, variable, default: said } of rows) {
    test(`--${flag}: its variable is read, and its default is what is said`, () => {
      const expected = `TAXIMETER_${flag.toUpperCase().replaceAll('-', '_')}`;
      const usual = serveConfig([]);
      const byFlag = [...VALUES, ...namedByRefusal(flag)]
        .flatMap((value) => [[`--${flag}`, value], [`--${flag}`]])
        .map((args) => [args[1] ?? 'true', tried(args)] as const)
        .find(([, config]) => config !== undefined && !same(config, usual));
      assert.ok(
        byFlag !== undefined,
        `neither VALUES nor its refusal has one that --${flag} takes and that changes it`,
      );
      const [value, config] = byFlag;
      const byVariable = serveConfig([], { [expected]: value });
      if (flag in NO_VARIABLE) {
        assert.equal(variable, '', NO_VARIABLE[flag]);
        assert.ok(same(byVariable, usual));
        return;
      }
      assert.equal(variable, expected);
      assert.ok(same(byVariable, config!), `${expected}=${value} is --${flag} ${value}`);
      assert.ok(keyOf(flag) in usual, `the config has no ${keyOf(flag)}`);
      assert.equal(said, COMPUTED[flag] ?? shown(usual[keyOf(flag)]), 'its default');
    });
  }
});

/** What is allowed, as the refusal of a value says it. */
function namedByRefusal(flag: string): readonly string[] {
  try {
    serveConfig([`--${flag}`, 'x y']);
    return [];
  } catch (error) {
    return (error as Error).message.match(/[a-z-]+/gu) ?? [];
  }
}

/** Undefined when it is refused. */
function tried(args: readonly string[]): Config | undefined {
  try {
    return serveConfig(args);
  } catch {
    return undefined;
  }
}

function same(one: Config, other: Config): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
