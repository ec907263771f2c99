/**
 * Looks at the parts of a store before ClickHouse does. Of what a part holds ClickHouse checks each block as it is read, but
 * not the small files that say how many rows there are (it drops a part that says none) and which times (it skips a part
 * whose times are others): there a flipped bit would be a wrong sum. They have a hash in the part's `checksums.txt`.
 *
 * What is damaged is moved to the table's `detached/`, where ClickHouse too puts what it cannot load: nothing is lost by it,
 * parts that it was merged from take its place if they are still there, and the journal's account tells what is missing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileHash } from './city-hash.ts';
import { readChecksums, type FileChecksum } from './checksums.ts';

const PART = /^\w+_\d+_\d+_\d+(?:_\d+)?$/u;
/** What ClickHouse takes as it is. Data, marks and indexes have a checksum with each block. */
const UNCHECKED = /^(?:minmax_.+\.idx|.+\.(?:txt|dat|json))$/u;

export type DamagedFile = { readonly file: string; readonly movedTo: string };

/** Answers what it has moved. `folder` is that of the store. */
export function setDamagedPartsAside(folder: string): DamagedFile[] {
  const store = join(folder, 'store');
  if (!existsSync(store)) return [];
  return subfolders(store)
    .flatMap((group) => subfolders(group))
    .flatMap((table) => subfolders(table, PART))
    .flatMap((part) => {
      const file = findDamage(part);
      return file === undefined ? [] : [{ file, movedTo: moveAside(part) }];
    });
}

function subfolders(folder: string, names = /^[\w-]+$/u): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && names.test(entry.name))
    .map((entry) => join(folder, entry.name));
}

/** The first file that is not as its part says; undefined when all are. */
function findDamage(part: string): string | undefined {
  const list = join(part, 'checksums.txt');
  const checksums = existsSync(list) ? readChecksums(readFileSync(list)) : undefined;
  if (checksums === undefined) return list;
  for (const [name, checksum] of checksums) {
    const file = join(part, name);
    if (UNCHECKED.test(name) && !isAsWritten(file, checksum)) return file;
  }
  return undefined;
}

function isAsWritten(file: string, { bytes, hash }: FileChecksum): boolean {
  if (!existsSync(file)) return false;
  const content = readFileSync(file);
  return content.length === bytes && fileHash(content) === hash;
}

function moveAside(part: string): string {
  const table = join(part, '..');
  const name = part.slice(table.length + 1);
  mkdirSync(join(table, 'detached'), { recursive: true });
  for (let copy = 0; ; copy += 1) {
    const to = join(table, 'detached', `damaged${copy === 0 ? '' : copy}_${name}`);
    if (existsSync(to)) continue;
    renameSync(part, to);
    return to;
  }
}
