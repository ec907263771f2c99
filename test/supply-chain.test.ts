/** What comes with the packages: few, each with its reason, and all of them said. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const REPO = resolve(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(join(REPO, name), 'utf8');

type Packages = Readonly<Record<string, string>>;
const manifest = JSON.parse(read('package.json')) as {
  readonly scripts: Packages;
  readonly dependencies: Packages;
  readonly devDependencies: Packages;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
type Locked = {
  readonly version?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
};
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');

test('each dependency has a row in ARCHITECTURE.md that says what it saves', () => {
  const rows = read('ARCHITECTURE.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const missing = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    (name) => !name.startsWith('@types/') && !rows.some((row) => row.includes(`\`${name}\``)),
  );
  assert.deepEqual(missing, []);
});

test('the lockfile names a version of everything; only Node itself runs a script on install', () => {
  assert.deepEqual(
    installed.filter(([, { version }]) => version === undefined),
    [],
  );
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  const allowed = scripted
    .map(([path]) => path.replace('node_modules/', ''))
    .filter((name) => manifest.allowScripts[name] !== false);
  assert.deepEqual(allowed, ['node']);
});

test('npm run sbom lists, as CycloneDX, what a server runs on; the rest is marked as for development', () => {
  const npm = ['run', '--silent', 'sbom'];
  const bom = JSON.parse(execFileSync('npm', npm, { cwd: REPO, encoding: 'utf8' })) as {
    readonly bomFormat: string;
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly properties: readonly { readonly name: string }[];
    }[];
  };
  assert.equal(bom.bomFormat, 'CycloneDX');
  // Asked to omit these, npm would omit what both kinds need as well.
  const isForDevelopment = ({ name }: { readonly name: string }): boolean =>
    name === 'cdx:npm:package:development';
  const served = bom.components.filter(({ properties }) => !properties.some(isForDevelopment));
  const listed = served.map(({ name, version }) => `${name}@${version}`);
  const expected = installed
    .filter(([, { dev }]) => dev !== true)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//u, '')}@${version}`);
  assert.deepEqual(listed.toSorted(), expected.toSorted());
  for (const name of Object.keys(manifest.dependencies)) {
    assert.ok(
      listed.some((one) => one.startsWith(`${name}@`)),
      name,
    );
  }
});
