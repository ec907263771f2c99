import { INITIAL_BYTES, KEPT_BYTES_MAX, readVarint, writeVarint, type Column } from './column.ts';

/** `String`: each text as its length in bytes (a varint) and its UTF-8. */
export class TextColumn implements Column {
  readonly type = 'String';
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  get byteLength(): number {
    return this.#length;
  }

  add(text: string): void {
    const length = text.length;
    // A UTF-16 unit is 3 bytes of UTF-8 at most; a varint of such a length, 5.
    const room = 3 * length + 5;
    if (this.#length + room > this.#bytes.length)
      this.#bytes = grown(this.#bytes, this.#length, room);
    if (length > 127 || !this.#addAscii(text)) this.#addUtf8(text);
  }

  /** Most texts are short ASCII: a loop beats a call into the engine. False, and nothing added, for others. */
  #addAscii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#length + 1;
    let all = 0;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      all |= code;
      bytes[start + i] = code;
    }
    if (all > 127) return false;
    bytes[start - 1] = text.length;
    this.#length = start + text.length;
    return true;
  }

  #addUtf8(text: string): void {
    this.#length = writeVarint(this.#bytes, this.#length, Buffer.byteLength(text));
    this.#length += this.#bytes.write(text, this.#length);
  }

  addWritten(bytes: Uint8Array, at: number, rows: number): number {
    let end = at;
    for (let row = 0; row < rows; row += 1) {
      const length = readVarint(bytes, end);
      end = length.end + length.value;
    }
    const room = end - at;
    if (this.#length + room > this.#bytes.length)
      this.#bytes = grown(this.#bytes, this.#length, room);
    this.#bytes.set(bytes.subarray(at, end), this.#length);
    this.#length += room;
    return end;
  }

  writeTo(out: Uint8Array, at: number): number {
    out.set(this.#bytes.subarray(0, this.#length), at);
    return at + this.#length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }
}

function grown(bytes: Buffer, length: number, room: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, length + room));
  larger.set(bytes.subarray(0, length));
  return larger;
}
