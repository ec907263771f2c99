import type { Figure } from '../measure/statistics.ts';

export type Unit = 'events/s' | 'requests/s' | 'ms' | 's' | '×' | 'B' | 'MiB' | '%';
/** One line of the report. A row without a figure says in its note why there is none. */
export type Row = {
  /** The heading it stands under; rows of one group are one chart. */
  readonly group: string;
  readonly what: string;
  readonly unit: Unit;
  readonly figure: Figure | undefined;
  readonly target?: Target | undefined;
  readonly note?: string | undefined;
};
export type Target = { readonly text: string; readonly isMet: boolean };

/** A figure of this many units or more is good enough. */
export function atLeast(value: number, figure: Figure, unit: Unit): Target {
  return { text: `≥ ${value} ${unit}`, isMet: figure.median >= value };
}

export function atMost(value: number, figure: Figure, unit: Unit): Target {
  return { text: `≤ ${value} ${unit}`, isMet: figure.median <= value };
}

/** Three significant digits; whole numbers from a hundred on, in groups of three digits. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toLocaleString('en-US', {
    maximumSignificantDigits: 3,
    minimumSignificantDigits: magnitude === 0 ? 1 : 3,
  });
}

/** `median [min–max]`, or the median alone when there is one sample. */
export function formatFigure({ median, min, max, samples }: Figure): string {
  if (samples.length === 1) return formatNumber(median);
  return `${formatNumber(median)} [${formatNumber(min)}–${formatNumber(max)}]`;
}
