/** One block of LZ4 (its docs: lz4_Block_format.md), of a length that is known. Throws RangeError when it is not that. */
export function unpackLz4(packed: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let from = 0;
  let to = 0;
  const byte = (): number => {
    if (from >= packed.length) throw new RangeError('An LZ4 block is cut.');
    return packed[from++]!;
  };
  const lengthOf = (nibble: number): number => {
    let total = nibble;
    if (nibble === 15) for (let more = 255; more === 255; total += more) more = byte();
    return total;
  };
  while (from < packed.length) {
    const token = byte();
    for (let left = lengthOf(token >> 4); left > 0; left -= 1) out[to++] = byte();
    if (from === packed.length) break;
    const back = byte() + 256 * byte();
    if (back === 0 || back > to) throw new RangeError('An LZ4 block points before its start.');
    for (let left = lengthOf(token & 15) + 4; left > 0; left -= 1, to += 1)
      out[to] = out[to - back]!;
    if (to > length) break;
  }
  if (to !== length) throw new RangeError('An LZ4 block has another length.');
  return out;
}
