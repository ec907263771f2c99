/**
 * P1, P2, P4 and P6 under `kill -9`: servers under mixed load are killed again and again, at any point and in the
 * middle of what they do, and started on the same folder. After every kill: acknowledged ⊆ stored ⊆ sent, each
 * once, and every summary that is looked at is the ledger's to the last digit; in the end, all of it.
 *
 * `npm run torture -- --kills 10000 --seed 7`. Draws repeat with their seed; the timing of the machine does not.
 */
import { parseArgs } from 'node:util';
import { newRandom, type Random } from '../support/random.ts';
import { removeFolder, type Server } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { pause } from '../support/wait.ts';
import { checkEnd, checkKill } from './checks.ts';
import { DELAY_MS, drawMoment, type Moment } from './kill.ts';
import { live } from './life.ts';
import type { World } from './send.ts';
import { launchOnCopy, newWorld, removeCopy } from './world.ts';

/** Then a new folder: its ledger is checked as a whole, which takes longer the more there is in it. */
const KILLS_PER_FOLDER = 250;
/** The machine's cores are better used by two folders at once: a start is mostly one thread. */
const SIDE_BY_SIDE = 2;
/** Of the kills of a folder, so many hit the migration, each from the same old folder. */
const MIGRATIONS = 0.1;
const START_CHANCE = 0.45;

export type Report = {
  readonly kills: Map<Moment, number>;
  sent: number;
  acknowledged: number;
  /** From each spawn on a folder that was killed to the first answer. */
  readonly restartsMs: number[];
};

/** Throws at the first thing that does not hold. */
export async function torture(
  options: { readonly kills: number; readonly random: Random },
  say: (line: string) => void,
): Promise<Report> {
  const { kills, random } = options;
  const report: Report = {
    kills: new Map(),
    sent: 0,
    acknowledged: 0,
    restartsMs: [],
  };
  let left = kills;
  const failed = new AbortController();
  const lane = async (): Promise<void> => {
    while (left > 0 && !failed.signal.aborted) {
      const share = Math.min(left, KILLS_PER_FOLDER, Math.ceil(kills / SIDE_BY_SIDE));
      left -= share;
      const seed = random.below(2 ** 31);
      try {
        say(await new Round(newRandom(seed), report, failed.signal).run(share));
      } catch (error) {
        const where = `in a folder of seed ${seed}, after ${countOf(report)} kills in all`;
        // The first reason is told, when the other servers are gone too.
        failed.abort(new Error(where, { cause: error }));
      }
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  failed.signal.throwIfAborted();
  return report;
}

/** One folder, from its migration to the last check. */
class Round {
  readonly #random: Random;
  readonly #report: Report;
  readonly #failed: AbortSignal;
  #launchedMs = 0;

  constructor(random: Random, report: Report, failed: AbortSignal) {
    this.#random = random;
    this.#report = report;
    this.#failed = failed;
  }

  async run(kills: number): Promise<string> {
    const { world, folder } = await newWorld(this.#random);
    let server: Server | undefined;
    try {
      let left = kills;
      do {
        if (server !== undefined) await removeCopy(server);
        server = launchOnCopy(folder);
        left -= await this.#killMigration(world, server, left);
      } while (left > kills * (1 - MIGRATIONS));
      world.token = await openStream(server);
      await this.#killOften(world, server, left);
      this.#add(world);
      const audit = await checkEnd(world, server);
      return `${kills} kills: ${audit}`;
    } finally {
      if (server !== undefined) await removeCopy(server);
      removeFolder(folder);
    }
  }

  /** Kills it while it brings the folder up to date, once or twice; then it must be there, whole. */
  async #killMigration(world: World, server: Server, killsMax: number): Promise<number> {
    let kills = 0;
    do {
      await this.#killSoon(server, 'migration');
      kills += 1;
    } while (kills < killsMax && this.#random.chance(0.3));
    await this.#comeBack(world, server);
    return kills;
  }

  async #killOften(world: World, server: Server, kills: number): Promise<void> {
    for (let left = kills; left > 0; left -= 1) {
      this.#failed.throwIfAborted();
      if (server.url === '' && this.#random.chance(START_CHANCE)) {
        // It may be in the middle of finishing what the last kill left.
        await this.#killSoon(server, 'start');
        continue;
      }
      await this.#comeBack(world, server);
      const hit = await live(world, server, drawMoment(this.#random));
      if (hit === undefined) left += 1;
      else this.#count(hit);
      this.#launch(server);
    }
    await this.#comeBack(world, server);
  }

  async #comeBack(world: World, server: Server): Promise<void> {
    if (server.url !== '') return;
    await this.#ready(server);
    await checkKill(world, server);
  }

  async #killSoon(server: Server, moment: 'start' | 'migration'): Promise<void> {
    this.#failed.throwIfAborted();
    await pause(this.#random.below(DELAY_MS[moment]));
    await server.kill();
    this.#count(moment);
    this.#launch(server);
  }

  #launch(server: Server): void {
    server.relaunch();
    this.#launchedMs = performance.now();
  }

  async #ready(server: Server): Promise<void> {
    await server.ready();
    this.#report.restartsMs.push(performance.now() - this.#launchedMs);
  }

  #count(moment: Moment): void {
    const { kills } = this.#report;
    kills.set(moment, (kills.get(moment) ?? 0) + 1);
  }

  #add({ ledger }: World): void {
    this.#report.sent += ledger.events.length;
    this.#report.acknowledged += ledger.events.filter(({ stored }) => stored).length;
  }
}

export function countOf({ kills }: Pick<Report, 'kills'>): number {
  return [...kills.values()].reduce((sum, count) => sum + count, 0);
}

/** The figures in one line each. */
export function shown({ kills, sent, acknowledged, restartsMs }: Report): string {
  const sorted = restartsMs.toSorted((a, b) => a - b);
  const at = (part: number): number => Math.round(sorted[Math.ceil(part * sorted.length) - 1] ?? 0);
  const moments = [...kills].map(([moment, count]) => `${moment} ${count}`).join(', ');
  return [
    `${countOf({ kills })} kills (${moments})`,
    `${sent} events sent, ${acknowledged} acknowledged; lost 0, doubled 0`,
    `${sorted.length} restarts, ms: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`,
  ].join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { kills: { type: 'string', default: '1000' }, seed: { type: 'string' } },
  });
  const random = newRandom(values.seed === undefined ? undefined : Number(values.seed));
  console.log(`seed ${random.seed}`);
  console.log(shown(await torture({ kills: Number(values.kills), random }, console.log)));
}
