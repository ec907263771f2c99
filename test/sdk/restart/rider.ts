/** The program that sends meter events by Stripe's SDK for Go while servers come and go. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Program } from '../programs.ts';

export type Outcome = {
  readonly acknowledged: number;
  /** Calls that returned an error, by its text. */
  readonly failed: Readonly<Record<string, number>>;
};

export class Rider {
  /** So far. */
  acknowledged = 0;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #last = '';

  constructor({ command: [name] }: Program, args: readonly string[]) {
    this.#child = spawn(name, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = once(this.#child, 'close');
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#last = line;
      if (/^\d+$/u.test(line)) this.acknowledged = Number(line);
    });
  }

  /** Lets it finish the calls that it has begun. */
  async end(): Promise<Outcome> {
    this.#child.stdin!.end();
    await this.#ended;
    assert.equal(this.#child.exitCode, 0, this.#last);
    return JSON.parse(this.#last) as Outcome;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
