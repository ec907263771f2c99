/** Feeds mutated inputs to the readers in this process, as many as fit into the time or the number asked for. */
import type { Random } from '../test/support/random.ts';
import { cpuMs } from '../test/support/times.ts';
import { Mutator } from './mutate.ts';
import { refusalOf, type Target } from './target.ts';
import { cursor } from './targets/cursor.ts';
import { event, stream } from './targets/event.ts';
import { form } from './targets/form.ts';
import { headers } from './targets/headers.ts';
import { json } from './targets/json.ts';
import { search } from './targets/search.ts';
import { time } from './targets/time.ts';
import { value } from './targets/value.ts';

export const TARGETS: readonly Target[] = [
  form,
  json,
  event,
  stream,
  value,
  time,
  headers,
  cursor,
  search,
];

/** The aim is 50 ms of CPU, which the slowest that is reported stays far below; two threads on one core take twice as much. */
const HANG_MS = 200;
const HANG_TRIES = 7;
const SLICE = 2_000;

export type ReadersResult = {
  readonly target: string;
  readonly executions: number;
  readonly outcomes: number;
  readonly longest: number;
  readonly slowestMs: number;
  readonly slowestLength: number;
};

export type Until = { readonly executions: number; readonly endMs: number };

/** Throws a Finding. The inputs are the same for the same seed. */
export function fuzzReaders(
  random: Random,
  targets: readonly Target[],
  until: Until,
): readonly ReadersResult[] {
  const runs = targets.map((target) => new TargetRun(target, random));
  const before = prototypes();
  // A stack for every refusal would take four fifths of the time; a finding is run again with one.
  Error.stackTraceLimit = 0;
  for (let done = 0; done < until.executions && performance.now() < until.endMs;) {
    for (const run of runs) {
      run.slice(SLICE);
      done += SLICE;
      if (prototypes() !== before) throw run.finding(new Error('a prototype was changed'));
    }
  }
  return runs.map((run) => run.result());
}

/** An input that breaks what must be true. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

class TargetRun {
  readonly #target: Target;
  readonly #mutator: Mutator;
  readonly #outcomes = new Set<string>();
  #executions = 0;
  #longest = 0;
  #slowest = { input: '', ms: 0 };
  #input = '';

  constructor(target: Target, random: Random) {
    this.#target = target;
    this.#mutator = new Mutator(random, target);
    for (const input of target.corpus) this.#run(input);
  }

  slice(count: number): void {
    for (let i = 0; i < count; i += 1) this.#run(this.#mutator.next());
  }

  #run(input: string): void {
    this.#input = input;
    this.#executions += 1;
    if (input.length > this.#longest) this.#longest = input.length;
    const { ms, outcome } = this.#outcome(input);
    if (ms > this.#slowest.ms) this.#slowest = this.#again(input, ms);
    if (this.#outcomes.has(outcome)) return;
    this.#outcomes.add(outcome);
    this.#mutator.keep(input);
  }

  #outcome(input: string): { ms: number; outcome: string } {
    const startMs = performance.now();
    const { read, refusal } = this.#read(input);
    const ms = performance.now() - startMs;
    try {
      return { ms, outcome: refusal ? refusalOf(refusal) : this.#target.check(input, read) };
    } catch (error) {
      throw this.#withStack(error);
    }
  }

  #read(input: string): { read?: unknown; refusal?: unknown } {
    try {
      return { read: this.#target.read(input) };
    } catch (refusal) {
      return { refusal };
    }
  }

  /** A collection of garbage is not the input's fault: the fastest of some tries counts. */
  #again(input: string, firstMs: number): { input: string; ms: number } {
    let ms = firstMs;
    for (let tries = 1; tries < HANG_TRIES && ms > this.#slowest.ms; tries += 1) {
      ms = Math.min(ms, this.#outcome(input).ms);
    }
    if (ms > HANG_MS) this.#assertNoHang(input);
    return ms > this.#slowest.ms ? { input, ms } : this.#slowest;
  }

  /** Nor is what else runs on the machine: CPU time decides. */
  #assertNoHang(input: string): void {
    const ms = cpuMs(() => void this.#outcome(input));
    if (ms > HANG_MS) throw this.finding(new Error(`takes ${ms.toFixed(0)} ms of CPU`));
  }

  #withStack(error: unknown): Finding {
    Error.stackTraceLimit = 20;
    try {
      this.#target.check(this.#input, this.#target.read(this.#input));
    } catch (again) {
      return this.finding(again);
    }
    return this.finding(error);
  }

  finding(cause: unknown): Finding {
    const input = JSON.stringify(this.#input);
    const shown = input.length < 2_000 ? input : `${input.slice(0, 2_000)}… (${input.length})`;
    return new Finding(`${this.#target.name}, execution ${this.#executions}: ${shown}`, { cause });
  }

  result(): ReadersResult {
    return {
      target: this.#target.name,
      executions: this.#executions,
      outcomes: this.#outcomes.size,
      longest: this.#longest,
      slowestMs: this.#slowest.ms,
      slowestLength: this.#slowest.input.length,
    };
  }
}

function prototypes(): string {
  const all = [
    Object.prototype,
    Array.prototype,
    Map.prototype,
    Function.prototype,
    String.prototype,
  ];
  return all.map((one) => Object.getOwnPropertyNames(one).join()).join(';');
}
