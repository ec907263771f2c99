import { formatFigure, type Row } from './row.ts';

const TITLES = ['', 'median [min–max]', 'target', 'and'] as const;

/** The rows as text in columns, under their groups. Empty when there are no rows. */
export function toTable(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const cells = rows.map(toCells);
  const widths = TITLES.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const pad = (line: readonly string[]): string =>
    `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  const groups = [...Map.groupBy(rows, (row) => row.group)];
  const body = groups.flatMap(([group, its]) => [
    '',
    group,
    ...its.map((row) => pad(toCells(row))),
  ]);
  return [pad(TITLES), ...body].join('\n');
}

function toCells({ what, figure, unit, target, note = '' }: Row): readonly string[] {
  if (figure === undefined) return [what, '–', '', note];
  const met = target === undefined ? '' : `${target.text} ${target.isMet ? '✓' : '✗'}`;
  return [what, `${formatFigure(figure)} ${unit}`, met, note];
}
