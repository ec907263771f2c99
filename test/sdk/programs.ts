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

/** Builds the module of a folder. */
export async function prepareGo(cwd: string, folder: string): Promise<Program | Unavailable> {
  const env = { GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const binary = join(folder, 'program');
  return await afterSteps(
    [
      { what: 'fetch', command: ['go', 'mod', 'download'], cwd, env },
      { what: 'build', command: ['go', 'build', '-o', binary, '.'], cwd, env },
    ],
    { command: [binary] },
  );
}

export const GO: Language = {
  name: 'Go',
  prepare: async (folder) => await prepareGo(join(SOURCES, 'go'), folder),
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
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PREPARE_LIMIT_MS);
  try {
    for (const step of steps) {
      const reason = await reasonNotToGoOn(step, late.signal);
      if (reason !== undefined) return { reason };
    }
  } finally {
    clearTimeout(timer);
  }
  return program;
}

async function reasonNotToGoOn(step: Step, late: AbortSignal): Promise<string | undefined> {
  const [name] = step.command;
  const ended = await run(step, late);
  if (ended === undefined) return `there is no ${name} on this machine`;
  if (ended.code === 0) return undefined;
  const line = step.command.join(' ');
  if (late.aborted) return `${line}: not done after ${PREPARE_LIMIT_MS} ms in all`;
  const said = `${line}: ${ended.stderr.trim()}`;
  if (step.what === 'build') throw new Error(said);
  return said;
}

/** Undefined when there is no such command. */
async function run(
  { command: [name, ...args], cwd, env }: Step,
  late: AbortSignal,
): Promise<{ readonly code: number | null; readonly stderr: string } | undefined> {
  // A group of its own: compilers start others.
  const child = spawn(name, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) {
    await once(child, 'error');
    return undefined;
  }
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const kill = (): void => void process.kill(-pid, 'SIGKILL');
  late.addEventListener('abort', kill);
  const [code] = (await once(child, 'close')) as [number | null];
  late.removeEventListener('abort', kill);
  return { code, stderr };
}
