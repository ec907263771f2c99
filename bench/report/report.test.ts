import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toFigure } from '../measure/statistics.ts';
import { atLeast, atMost, formatFigure, formatNumber, type Row } from './row.ts';
import { axisMax, escapeXml, toSvg } from './svg.ts';
import { toTable } from './table.ts';

const rate = (what: string, samples: readonly number[]): Row => {
  return { group: 'Stream', what, unit: 'events/s', figure: toFigure(samples) };
};

test('a number has three significant digits, and all of them from a hundred on', () => {
  assert.equal(formatNumber(0), '0');
  assert.equal(formatNumber(0.35649), '0.356');
  assert.equal(formatNumber(9.999), '10.0');
  assert.equal(formatNumber(1234.5), '1,235');
});

test('a figure of one sample claims no spread', () => {
  assert.equal(formatFigure(toFigure([5])), '5.00');
  assert.equal(formatFigure(toFigure([1, 2, 3])), '2.00 [1.00–3.00]');
});

test('a target is met by the median, its bound included', () => {
  assert.ok(atLeast(2, toFigure([1, 2, 3]), '×').isMet);
  assert.ok(!atLeast(2.1, toFigure([1, 2, 3]), '×').isMet);
  assert.ok(atMost(2, toFigure([1, 2, 3]), 'ms').isMet);
  assert.ok(!atMost(1.9, toFigure([1, 2, 3]), 'ms').isMet);
});

test('the table has a line a row under its group, in columns', () => {
  const figure = toFigure([1, 2, 3]);
  const met = { ...rate('a', [1, 2, 3]), target: atLeast(2, figure, 'events/s') };
  const skipped: Row = { ...rate('longer', [1]), figure: undefined, note: 'not installed' };
  assert.equal(
    toTable([met, skipped]),
    [
      '          median [min–max]           target',
      '',
      'Stream',
      '  a       2.00 [1.00–3.00] events/s  ≥ 2 events/s ✓',
      '  longer  –                                          not installed',
    ]
      .join('\n')
      .replace('target', 'target          and'),
  );
});

test('rows of one group stand together, wherever they were added', () => {
  const other = { ...rate('b', [1]), group: 'v1' };
  const lines = toTable([rate('a', [1]), other, rate('c', [1])]).split('\n');
  const names = lines.map((line) => line.trim().split(/\s+/u)[0]).slice(1);
  assert.deepEqual(names, ['', 'Stream', 'a', 'c', '', 'v1', 'b']);
});

test('a table of nothing is empty', () => {
  assert.equal(toTable([]), '');
});

test('an axis begins at zero and ends at or above the greatest value, less than 2.5 times as far', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (value) => {
      const max = axisMax(value);
      assert.ok(max >= value && max < value * 2.5, `${value} on an axis to ${max}`);
    }),
  );
});

test('no text of a row can end the element that it stands in', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('<', '>', '&', '"', 'a', ';') }), (raw) => {
      const escaped = escapeXml(raw);
      assert.doesNotMatch(escaped, /[<>"]|&(?!(?:amp|lt|gt|quot);)/u);
      const entities = { amp: '&', lt: '<', gt: '>', quot: '"' } as const;
      const back = escaped.replaceAll(
        /&(amp|lt|gt|quot);/gu,
        (_, name: keyof typeof entities) => entities[name],
      );
      assert.equal(back, raw);
    }),
  );
});

test('a chart draws each rate in proportion, from the same zero', () => {
  const svg = toSvg([rate('Taximeter', [400]), rate('a <peer>', [100])], 'title', ['machine']);
  const widths = [...svg.matchAll(/<rect class="(?:ours|peer)" x="250" [^>]*width="([\d.]+)"/gu)];
  const [ours, peer] = widths.map((match) => Number(match[1]));
  assert.equal(ours, Number(peer) * 4);
  assert.match(svg, /a &lt;peer&gt;/u);
});

test('a chart leaves out what has no rate', () => {
  const ratio: Row = { ...rate('ratio', [3]), unit: '×' };
  const skipped: Row = { ...rate('skipped', [3]), figure: undefined };
  assert.doesNotMatch(toSvg([ratio, skipped], '', []), /<rect class="(?:ours|peer)"/u);
});
