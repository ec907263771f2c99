/** A run is merged into the next older one unless that is so many times larger: then it stays for a while. */
const RATIO = 4;
/** A filter of more would be more than one read or write can take. */
const ENTRIES_MAX = 1_000_000_000;

/**
 * How many runs are to be merged into one, of the sizes of all from the newest to the oldest; 0 when they are few
 * as it is. So of n entries there are about log4(n) runs, and each entry is rewritten a few times in its life.
 */
export function runsToMerge(sizes: readonly number[]): number {
  let count = 0;
  let total = 0;
  for (const size of sizes) {
    if (count > 0 && (size >= RATIO * total || total + size > ENTRIES_MAX)) break;
    total += size;
    count += 1;
  }
  return count > 1 ? count : 0;
}
