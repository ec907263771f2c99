import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatMachine, type Machine } from './machine.ts';
import { formatFigure, type Row } from './row.ts';
import { toSvg } from './svg.ts';
import { toTable } from './table.ts';

/** Rows as they come, each printed at once; all of them as a table and as files at the end. */
export class Report {
  readonly #rows: Row[] = [];
  readonly #startMs = performance.now();

  add(row: Row): void {
    this.#rows.push(row);
    const elapsedS = Math.round((performance.now() - this.#startMs) / 1000);
    const shown = row.figure === undefined ? '–' : `${formatFigure(row.figure)} ${row.unit}`;
    console.log(`[${elapsedS} s] ${row.group}, ${row.what}: ${shown}  ${row.note ?? ''}`.trimEnd());
  }

  /** Prints the table and writes `<name>.json` and `<name>.svg` into the folder. */
  finish(machine: Machine, folder: string, name: string): void {
    console.log(`\n${formatMachine(machine).join('\n')}\n\n${toTable(this.#rows)}\n`);
    mkdirSync(folder, { recursive: true });
    const json = { machine, rows: this.#rows };
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
    const title = 'Taximeter and its peers, one machine, one client';
    writeFileSync(join(folder, `${name}.svg`), toSvg(this.#rows, title, formatMachine(machine)));
    console.log(`Written: ${join(folder, name)}.json and .svg`);
  }
}
