/** Summaries against the count of the lane that they belong to. */
import { digits } from '../support/decimal.ts';
import { toForm } from '../support/http.ts';
import { parseExact, type SummaryPage, type SummaryRow } from '../support/summaries.ts';
import { DAY_S, HOUR_S, MINUTE_S } from '../support/times.ts';
import type { Lane } from './lane.ts';
import { METER_NAMES, type MeterName, type Tally } from './tally.ts';
import type { World } from './world.ts';

type Range = { readonly startS: number; readonly endS: number };
const STEP_S = { none: MINUTE_S, hour: HOUR_S, day: DAY_S } as const;
export type Grouping = keyof typeof STEP_S;

/** A random meter, customer, grouping and range. */
export async function auditOnce(world: World, lane: Lane): Promise<void> {
  const { random } = world;
  const customer = random.pick([...lane.tallies.keys()]);
  const grouping = random.pick(['none', 'none', 'hour', 'day'] as const);
  await audit(
    world,
    lane,
    random.pick(METER_NAMES),
    customer,
    grouping,
    drawRange(world, grouping),
  );
}

/** Everything that a lane ever sent. */
export async function auditAll(world: World, lane: Lane): Promise<void> {
  const range = { startS: world.startS, endS: world.endS };
  for (const customer of lane.tallies.keys()) {
    for (const meter of METER_NAMES) {
      for (const grouping of ['none', 'hour'] as const) {
        await audit(world, lane, meter, customer, grouping, range);
      }
    }
  }
}

function drawRange({ random, startS, endS }: World, grouping: Grouping): Range {
  const stepS = STEP_S[grouping];
  const steps = (endS - startS) / stepS;
  const first = random.below(steps);
  const count = 1 + random.below(steps - first);
  return { startS: startS + first * stepS, endS: startS + (first + count) * stepS };
}

async function audit(
  world: World,
  lane: Lane,
  meter: MeterName,
  customer: string,
  grouping: Grouping,
  range: Range,
): Promise<void> {
  const tally = lane.tallies.get(customer);
  const rows = await read(world, meter, customer, grouping, range);
  world.counts.audits += 1;
  if (tally === undefined || rows === undefined) return;
  for (const { startS, endS, value } of expected(tally, meter, grouping, range)) {
    // A window without usage has no row.
    const found = rows.find((row) => row.start_time === startS)?.aggregated_value ?? '0';
    if (found === digits(value)) continue;
    world.differs(
      `${meter} of ${customer} in [${startS}, ${endS}): ${found}, not ${digits(value)}`,
    );
  }
}

function expected(
  tally: Tally,
  meter: MeterName,
  grouping: Grouping,
  { startS, endS }: Range,
): (Range & { readonly value: bigint })[] {
  const stepS = grouping === 'none' ? endS - startS : STEP_S[grouping];
  return Array.from({ length: (endS - startS) / stepS }, (_, n) => {
    const window = { startS: startS + n * stepS, endS: startS + (n + 1) * stepS };
    return { ...window, value: tally.value(meter, window.startS, window.endS) };
  });
}

/** Undefined when it was refused, which is written down. */
async function read(
  world: World,
  meter: MeterName,
  customer: string,
  grouping: Grouping,
  { startS, endS }: Range,
): Promise<readonly SummaryRow[] | undefined> {
  const window = grouping === 'none' ? {} : { value_grouping_window: grouping };
  const query = { customer, start_time: startS, end_time: endS, limit: 100, ...window };
  const path = `/v1/billing/meters/${world.meterIds.get(meter)}/event_summaries?${toForm(query)}`;
  const { answer } = await world.settle({ path });
  if (answer.status === 200) return (parseExact(answer.text) as SummaryPage).data;
  world.differs(`a summary: ${answer.status} ${answer.text}`);
  return undefined;
}
