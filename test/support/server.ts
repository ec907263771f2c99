/**
 * Runs the command line as a user does: a child process, a temporary folder, port 0. Nothing here reads the
 * sources; what a test learns, it learns from stdout, stderr, the exit code and HTTP.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PATIENCE_MS } from './wait.ts';

export const REPO = resolve(import.meta.dirname, '../..');
export const TEST_KEY = 'sk_test_0123456789abcdefABCDEF01';
export const LIVE_KEY = 'sk_live_0123456789abcdefABCDEF01';

/** Another build of the command line can be put under the same tests. */
const MAIN = process.env['TAXIMETER_UNDER_TEST'] ?? join(REPO, 'src/main.ts');
/**
 * What a server waits for by default is measured for a machine of its own. On one that others use too, a read that takes
 * long is no failure; the tests of this limit set their own.
 */
const PATIENT = { TAXIMETER_READ_SECONDS: String(PATIENCE_MS / 1000) };

/** What every server of this process is started with besides its own flags: so a suite can run once more under another. */
export const everyServer: { args: readonly string[] } = { args: [] };

export type LaunchOptions = {
  /** After `serve`; `--port 0 --data DIR` are added unless `bare`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Null: no keys from the environment, so that the server makes its own. */
  readonly keys?: string | null;
  /** A given folder is the caller's to remove. */
  readonly folder?: string;
  readonly bare?: boolean;
  /** What the command line begins with, such as `nsenter …`; it must end in the command's own process. */
  readonly wrap?: readonly string[];
  /** Moves the child's clock, in seconds. */
  readonly clockShiftS?: number;
};

export type Exit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** A folder of its own; `remove` it when done. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'taximeter-test-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The environment of a user's shell, without what this test run has set. */
function cleanEnv(options: LaunchOptions): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TAXIMETER_') && name !== 'NODE_TEST_CONTEXT',
  );
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ...PATIENT };
  const keys = options.keys === undefined ? `${TEST_KEY},${LIVE_KEY}` : options.keys;
  if (keys !== null) env['TAXIMETER_SECRET_KEY'] = keys;
  if (options.clockShiftS !== undefined) {
    env['CLOCK_SHIFT_S'] = String(options.clockShiftS);
    env['NODE_OPTIONS'] = `--import=${new URL('./shift-clock.ts', import.meta.url).href}`;
  }
  return { ...env, ...options.env };
}

/** One run of the command line. */
class Run {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: LaunchOptions) {
    const [command = '', ...rest] = [...(options.wrap ?? []), process.execPath, MAIN, ...args];
    this.child = spawn(command, rest, {
      cwd: REPO,
      env: cleanEnv(options),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    // `close`, not `exit`: by then all output has arrived.
    this.exited = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Its end; fails when it has to be killed for it, or has to kill itself. */
  async end(): Promise<Exit> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    if (exit.signal === 'SIGKILL' && !this.killedOnPurpose) {
      assert.fail(`it did not end\n${this.stdout}\n${this.stderr}`);
    }
    return exit;
  }

  killedOnPurpose = false;
}

/** Runs the command line to its end, such as `keys list` or a `serve` that is expected to fail. */
export async function runCli(
  args: readonly string[],
  options: Omit<LaunchOptions, 'args' | 'bare' | 'folder'> = {},
): Promise<Exit> {
  return await new Run(args, options).end();
}

/** A server that listens. */
export class Server {
  readonly folder: string;
  /** What the latest start was given. */
  options: LaunchOptions;
  private run: Run;
  private readonly ownsFolder: boolean;
  private listensAt = '';

  private constructor(folder: string, ownsFolder: boolean, options: LaunchOptions) {
    this.folder = folder;
    this.ownsFolder = ownsFolder;
    this.options = options;
    this.run = this.spawn();
  }

  /** Returns when the server has printed its address. */
  static async start(options: LaunchOptions = {}): Promise<Server> {
    const server = Server.launch(options);
    try {
      await server.ready();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** Only spawns, so that a test can kill it while it starts. */
  static launch(options: LaunchOptions = {}): Server {
    return new Server(options.folder ?? newFolder(), options.folder === undefined, options);
  }

  private spawn(): Run {
    const usual = this.options.bare === true ? [] : ['--port', '0', '--data', this.folder];
    const args = ['serve', ...usual, ...everyServer.args, ...(this.options.args ?? [])];
    return new Run(args, this.options);
  }

  /** Waits for the line with the address. Throws with all output when the server exits or takes too long. */
  async ready(): Promise<void> {
    const run = this.run;
    const found = await new Promise<RegExpMatchArray | null>((settle) => {
      const look = (): void => {
        const match = /listening on (http:\/\/\S+)\n/u.exec(run.stdout);
        if (match !== null) settle(match);
      };
      const timer = setTimeout(() => settle(null), PATIENCE_MS);
      void run.exited.then(() => settle(null));
      run.child.stdout?.on('data', look);
      look();
      timer.unref();
    });
    if (found === null) {
      this.run.killedOnPurpose = true;
      this.run.child.kill('SIGKILL');
      throw new Error(`the server did not start\nstdout: ${run.stdout}\nstderr: ${run.stderr}`);
    }
    this.listensAt = found[1] ?? '';
  }

  get url(): string {
    return this.listensAt;
  }
  get host(): string {
    return new URL(this.listensAt).hostname;
  }
  get port(): number {
    return Number(new URL(this.listensAt).port);
  }
  get pid(): number {
    return this.run.child.pid ?? assert.fail('not running');
  }
  get stdout(): string {
    return this.run.stdout;
  }
  get stderr(): string {
    return this.run.stderr;
  }
  get exited(): Promise<Exit> {
    return this.run.exited;
  }

  /** Asks the server to stop and waits for it. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Exit> {
    this.run.child.kill(signal);
    return await this.run.end();
  }

  /** `kill -9`: the server learns nothing of it. */
  async kill(): Promise<Exit> {
    this.run.killedOnPurpose = true;
    this.run.child.kill('SIGKILL');
    return await this.run.exited;
  }

  /** Starts again on the same folder, on another free port; only after `stop` or `kill`. */
  async restart(options: LaunchOptions = this.options): Promise<void> {
    this.relaunch(options);
    await this.ready();
  }

  /** `restart` without waiting for it to listen. */
  relaunch(options: LaunchOptions = this.options): void {
    assert.ok(this.run.child.exitCode !== null || this.run.child.signalCode !== null, 'still runs');
    this.options = options;
    this.listensAt = '';
    this.run = this.spawn();
  }

  /** Kills what still runs and removes the folder. */
  async remove(): Promise<void> {
    await this.kill();
    if (this.ownsFolder) removeFolder(this.folder);
  }
}
