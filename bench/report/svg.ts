/**
 * The rates as bars: one chart a group of rows, each on an axis of its own that starts at zero, whiskers from the
 * slowest to the fastest repeat, and the figure as text beside each bar. Colours follow the reader's scheme.
 */
import { formatFigure, formatNumber, type Row } from './row.ts';

const WIDTH = 860;
const LABELS_WIDTH = 250;
const FIGURES_WIDTH = 200;
const BARS_WIDTH = WIDTH - LABELS_WIDTH - FIGURES_WIDTH;
const TOP_HEIGHT = 34;
const SUBTITLE_HEIGHT = 16;
const BAR_HEIGHT = 18;
const LINE_HEIGHT = 28;
const HEADING_HEIGHT = 44;
const AXIS_HEIGHT = 26;
const TICKS = 4;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .heading { font-weight: 600; }
  .small { font-size: 11px; fill: #59636e; }
  .ground { fill: #ffffff; }
  .peer { fill: #afb8c1; }
  .ours { fill: #0969da; }
  .line { stroke: #d1d9e0; }
  .whisker { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .peer { fill: #59636e; }
    .ours { fill: #4493f8; }
    .line { stroke: #3d444d; }
    .whisker { stroke: #f0f6fc; }
  }`;

/** Rows without a figure and of other units than events a second are left out. */
export function toSvg(rows: readonly Row[], title: string, subtitle: readonly string[]): string {
  const rates = rows.filter((row) => row.unit === 'events/s' && row.figure !== undefined);
  const groups = Map.groupBy(rates, (row) => row.group);
  let y = TOP_HEIGHT + subtitle.length * SUBTITLE_HEIGHT;
  const charts: string[] = [];
  for (const [heading, bars] of groups) {
    charts.push(chart(heading, bars, y));
    y += HEADING_HEIGHT + bars.length * LINE_HEIGHT + AXIS_HEIGHT;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${y}"/>`,
    text(16, 28, 'title', title),
    ...subtitle.map((line, index) => text(16, 48 + index * SUBTITLE_HEIGHT, 'small', line)),
    ...charts,
    '</svg>\n',
  ].join('\n');
}

function chart(heading: string, rows: readonly Row[], top: number): string {
  const max = axisMax(Math.max(...rows.map((row) => row.figure?.max ?? 0)));
  const toX = (value: number): number => LABELS_WIDTH + (value / max) * BARS_WIDTH;
  const bottom = top + HEADING_HEIGHT + rows.length * LINE_HEIGHT;
  const ticks = Array.from({ length: TICKS + 1 }, (_, tick) => (max * tick) / TICKS);
  return [
    text(16, top + 28, 'heading', `${heading}, events/s`),
    ...ticks.map((value) => {
      const x = toX(value).toFixed(1);
      const label = text(toX(value), bottom + 14, 'small', formatNumber(value), 'middle');
      return `<line class="line" x1="${x}" x2="${x}" y1="${top + HEADING_HEIGHT - 6}" y2="${bottom}"/>${label}`;
    }),
    ...rows.map((row, index) => bar(row, top + HEADING_HEIGHT + index * LINE_HEIGHT, toX)),
  ].join('\n');
}

function bar({ what, figure }: Row, top: number, toX: (value: number) => number): string {
  if (figure === undefined) return '';
  const [start, end, min, max] = [0, figure.median, figure.min, figure.max].map(toX);
  const middle = top + BAR_HEIGHT / 2;
  const kind = what.startsWith('Taximeter') ? 'ours' : 'peer';
  const width = ((end ?? 0) - (start ?? 0)).toFixed(1);
  const ends = [min ?? 0, max ?? 0].map((x) => x.toFixed(1));
  return [
    text(LABELS_WIDTH - 10, middle + 4, '', what, 'end'),
    `<rect class="${kind}" x="${start}" y="${top}" width="${width}" height="${BAR_HEIGHT}"/>`,
    `<line class="whisker" x1="${ends[0]}" x2="${ends[1]}" y1="${middle}" y2="${middle}"/>`,
    text(WIDTH - FIGURES_WIDTH + 12, middle + 4, '', formatFigure(figure)),
  ].join('\n');
}

/** The smallest of 1, 2, 4 or 8 times a power of ten that is not below: ticks at quarters are round. */
export function axisMax(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((step) => step * power).find((max) => max >= value) ?? 10 * power;
}

export function escapeXml(raw: string): string {
  return raw
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function text(x: number, y: number, style: string, content: string, anchor = 'start'): string {
  return `<text class="${style}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}
