/** The thread of a server that answers requests, seen from outside. Linux only. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Of the kernel's clock for what is in /proc, on every Linux that Node runs on. */
const TICK_MS = 10;

/** CPU time that it has used so far, in milliseconds, by steps of ten. Others on the machine make no difference to it. */
export function servingCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  // After the name, which may have blanks: the state is field 3; user and system time are 14 and 15 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[14 - 3]), Number(fields[15 - 3])];
  assert.ok(Number.isInteger(user) && Number.isInteger(system), stat);
  return (user + system) * TICK_MS;
}
