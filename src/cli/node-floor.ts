import { StartupError } from '../lib/startup-error.ts';

/**
 * The oldest release of each line that may serve, as minor and patch: those of 24 March 2026. Before them,
 * a body of 2 MB with keys that look like indices could hold the process for half a minute (CVE-2026-21717), and
 * deep nesting could end it (CVE-2025-59466). Later lines began with both mended.
 */
const FLOORS: Readonly<Record<number, readonly [number, number]>> = { 24: [14, 1], 25: [8, 2] };
const OLDEST_LINE = 24;

/** Throws StartupError below the floor. `version` is that of `process.versions.node`. */
export function refuseOldNode(version: string): void {
  const [line = 0, minor = 0, patch = 0] = version.split('.').map(Number.parseFloat);
  const [floorMinor, floorPatch] = FLOORS[line] ?? [0, 0];
  const isOld = line < OLDEST_LINE || minor < floorMinor;
  if (!isOld && (minor > floorMinor || patch >= floorPatch)) return;
  throw new StartupError(
    `Node ${version} has known holes that a request can use, or lacks what Taximeter needs. Start it with 24.14.1 or later: ` +
      '`npm ci` brings one along, and `npm start` uses it.',
  );
}
