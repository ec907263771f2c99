import { readInteger, type Column } from './column.ts';
import { LowCardinalityColumn } from './low-cardinality-column.ts';
import { IntegerColumn } from './number-columns.ts';
import { TextColumn } from './text-column.ts';

/** `Map(LowCardinality(String), String)`: where each row's pairs end, then all keys, then all values. */
export class TextMapColumn implements Column {
  readonly type = 'Map(LowCardinality(String), String)';
  readonly #ends = new IntegerColumn('UInt64');
  readonly #keys = new LowCardinalityColumn();
  readonly #values = new TextColumn();
  #pairs = 0;

  add(map: ReadonlyMap<string, string>): void {
    if (map.size > 0) {
      for (const [key, value] of map) {
        this.#keys.add(key);
        this.#values.add(value);
      }
      this.#pairs += map.size;
    }
    this.#ends.add(this.#pairs);
  }

  addWritten(bytes: Uint8Array, start: number, rows: number): number {
    let at = start + LowCardinalityColumn.PREFIX_BYTES;
    const pairsBefore = this.#pairs;
    for (let row = 0; row < rows; row += 1, at += 8) {
      this.#pairs = pairsBefore + readInteger(bytes, at);
      this.#ends.add(this.#pairs);
    }
    const pairs = this.#pairs - pairsBefore;
    at = this.#keys.addBody(bytes, at, pairs);
    return this.#values.addWritten(bytes, at, pairs);
  }

  get byteLength(): number {
    return this.#ends.byteLength + this.#keys.byteLength + this.#values.byteLength;
  }

  writeTo(out: Uint8Array, start: number): number {
    let at = this.#keys.writePrefix(out, start);
    at = this.#ends.writeTo(out, at);
    at = this.#keys.writeBody(out, at);
    return this.#values.writeTo(out, at);
  }

  clear(): void {
    this.#ends.clear();
    this.#keys.clear();
    this.#values.clear();
    this.#pairs = 0;
  }
}
