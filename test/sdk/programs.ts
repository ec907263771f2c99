/**
 * Programs in other languages against the official SDKs as their registries have them. Where a toolchain or a package
 * is not to be had, or not within the bound, there is a reason instead.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, 'webhooks');
/** Of everything that comes before the program runs: caches may be cold, and the machine busy. */
const PREPARE_LIMIT_MS = 100_000;

export type Program = {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
};
export type Unavailable = { readonly reason: string };
export type Language = {
  readonly name: string;
  /** Fetches and builds into a folder of the caller's. Throws when the program itself does not compile. */
  readonly prepare: (folder: string) => Promise<Program | Unavailable>;
};

export const GO: Language = {
  name: 'Go',
  prepare: async (folder) => {
    const cwd = join(SOURCES, 'go');
    const env = { GOTOOLCHAIN: 'local', GOWORK: 'off' };
    const binary = join(folder, 'webhooks');
    return await afterSteps(
      [
        { what: 'fetch', command: ['go', 'mod', 'download'], cwd, env },
        { what: 'build', command: ['go', 'build', '-o', binary, '.'], cwd, env },
      ],
      { command: [binary] },
    );
  },
};

export const JAVA: Language = {
  name: 'Java',
  prepare: async (folder) => {
    const cwd = join(SOURCES, 'java');
    const jars = join(folder, 'jars');
    const classPath = `${join(jars, '*')}:${folder}`;
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${jars}`];
    return await afterSteps(
      [
        { what: 'fetch', command: ['mvn', '--quiet', '--batch-mode', ...copy], cwd },
        {
          what: 'build',
          command: ['javac', '-cp', classPath, '-d', folder, 'Webhooks.java'],
          cwd,
        },
      ],
      { command: ['java', '-cp', classPath, 'Webhooks'] },
    );
  },
};

export const PYTHON: Language = {
  name: 'Python',
  prepare: async (folder) => {
    const cwd = join(SOURCES, 'python');
    const install = ['-m', 'pip', 'install', '--quiet', '--target', folder];
    return await afterSteps(
      [
        {
          what: 'fetch',
          command: ['python3', ...install, '--requirement', 'requirements.txt'],
          cwd,
        },
      ],
      {
        command: ['python3', join(cwd, 'webhooks.py')],
        env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
      },
    );
  },
};

type Step = {
  readonly what: 'fetch' | 'build';
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
};

async function afterSteps(
  steps: readonly Step[],
  program: Program,
): Promise<Program | Unavailable> {
  const endMs = performance.now() + PREPARE_LIMIT_MS;
  for (const step of steps) {
    const [name] = step.command;
    const ended = await run(step, endMs - performance.now());
    if (ended === 'no command') return { reason: `there is no ${name} on this machine` };
    if (ended === 'too slow') {
      return { reason: `${step.command.join(' ')} did not end within ${PREPARE_LIMIT_MS} ms` };
    }
    if (ended.code === 0) continue;
    const said = `${step.command.join(' ')}: ${ended.stderr.trim()}`;
    if (step.what === 'build') throw new Error(said);
    return { reason: said };
  }
  return program;
}

async function run(
  { command: [name, ...args], cwd, env }: Step,
  limitMs: number,
): Promise<{ readonly code: number | null; readonly stderr: string } | 'no command' | 'too slow'> {
  // A group of its own: compilers start others.
  const child = spawn(name, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const failed = once(child, 'error').then(() => 'no command' as const);
  if (child.pid === undefined) return await failed;
  const { pid } = child;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill(-pid, 'SIGKILL');
  }, limitMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return isLate ? 'too slow' : { code, stderr };
}
