export const MINUTE_S = 60;
export const HOUR_S = 3600;
export const DAY_S = 86_400;

export function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** The start of a whole UTC day that ended at least `daysAgo - 1` days ago. */
export function dayStart(daysAgo: number): number {
  return Math.floor(nowS() / DAY_S) * DAY_S - daysAgo * DAY_S;
}
