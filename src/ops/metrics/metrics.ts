/**
 * The page that Prometheus reads. What is counted are plain numbers of the parts that count; they are read, and given
 * names and labels, only when somebody asks for the page. No label has a name, id or key of anybody.
 */
import { Registry, type Metric } from 'prom-client';
import type { Histogram } from '../../lib/histogram.ts';
import type { Page } from '../../http/operator/operator-pages.ts';

export type Labels = Readonly<Record<string, string | number>>;
/** A number, or one for each combination of labels. */
type Numbers = number | Iterable<readonly [Labels, number]>;
type Histograms = Histogram | Iterable<readonly [Labels, Histogram]>;
type Sample = { readonly labels: Labels; readonly value: number; readonly metricName?: string };
type Read<T> = () => T | Promise<T>;

export class Metrics {
  readonly registry = new Registry();

  /** Goes up for as long as the process lives. The name ends in `_total`. */
  counter(name: string, help: string, read: Read<Numbers>): void {
    this.#register('counter', name, help, async () => toSamples(await read()));
  }

  gauge(name: string, help: string, read: Read<Numbers>): void {
    this.#register('gauge', name, help, async () => toSamples(await read()));
  }

  histogram(name: string, help: string, read: Read<Histograms>): void {
    this.#register('histogram', name, help, async () => {
      const found = await read();
      const all = 'counts' in found ? ([[{}, found]] as const) : found;
      return [...all].flatMap(([labels, histogram]) => toBuckets(name, labels, histogram));
    });
  }

  async toPage(): Promise<Page> {
    const body = await this.registry.metrics();
    return { status: 200, type: this.registry.contentType, body };
  }

  /** The registry asks a metric for nothing but its name and what it is now; its own classes count by themselves. */
  #register(type: string, name: string, help: string, read: () => Promise<Sample[]>): void {
    const get = async (): Promise<object> => ({ name, help, type, values: await read() });
    this.registry.registerMetric({ name, get } as unknown as Metric);
  }
}

function toSamples(numbers: Numbers): Sample[] {
  if (typeof numbers === 'number') return [{ labels: {}, value: numbers }];
  return Array.from(numbers, ([labels, value]) => ({ labels, value }));
}

/** Prometheus counts cumulatively: each bucket has all that is not above its bound. */
function toBuckets(name: string, labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
  let value = 0;
  const buckets = Array.from(counts, (count, index): Sample => {
    value += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: bounds[index] ?? '+Inf' },
      value,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value },
  ];
}
