export const MINUTE_S = 60;
export const HOUR_S = 3600;
export const DAY_S = 86_400;

export function nowMs(): number {
  return Date.now();
}

/** CPU time that the thread needs for it, in milliseconds: the same however many share the machine. */
export function cpuMs(what: () => void): number {
  const before = process.threadCpuUsage();
  what();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

export function nowS(): number {
  return Math.floor(nowMs() / 1000);
}

/** The start of a whole UTC day that ended at least `daysAgo - 1` days ago. */
export function dayStart(daysAgo: number): number {
  return Math.floor(nowS() / DAY_S) * DAY_S - daysAgo * DAY_S;
}
