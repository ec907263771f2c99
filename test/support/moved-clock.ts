/**
 * Preloaded into a child with `--import`: moves its clock as a file says, which a test may write at any time. The file has
 * numbers of seconds; of several, each look at the clock takes the next one, so that it jumps within requests too.
 */
import { readFileSync } from 'node:fs';

const file = process.env['CLOCK_FILE'] ?? '';
const RealDate = Date;
let looks = 0;

function nowMs(): number {
  const shifts = readFileSync(file, 'utf8').trim().split(' ').map(Number);
  const shiftS = shifts[looks++ % shifts.length] ?? 0;
  return RealDate.now() + shiftS * 1000;
}

globalThis.Date = new Proxy(RealDate, {
  construct(target, args: [] | [number]) {
    return args.length === 0 ? new target(nowMs()) : new target(...args);
  },
  get(target, name, receiver) {
    return name === 'now' ? nowMs : (Reflect.get(target, name, receiver) as unknown);
  },
});
