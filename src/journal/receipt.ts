/**
 * A receipt says which keyed request was answered, with just what the first answer adds to the request. The
 * answer itself is made again from both (same code, same parameters), so a receipt is 48 bytes, not a body.
 *
 * Packed: key hash 16, fingerprint 8, received at 8 (float64), generated identifier 16 (zeros: none).
 */
/** Keyed hash of method, path and parameters: 2 words of 32 bits. */
export type Fingerprint = readonly [number, number];

export type Receipt = {
  /** Keyed hash of namespace and Idempotency-Key: 4 words. */
  readonly keyHash: Uint32Array;
  readonly fingerprint: Fingerprint;
  readonly receivedAtMs: number;
  /** The UUID that the server gave an event without an identifier. */
  readonly generatedIdentifier: string | undefined;
};

export const RECEIPT_BYTES = 48;
const FINGERPRINT_AT = 16;
const RECEIVED_AT = 24;
const IDENTIFIER_AT = 32;

export function packReceipts(receipts: readonly Receipt[]): Uint8Array {
  const bytes = new Uint8Array(receipts.length * RECEIPT_BYTES);
  const view = new DataView(bytes.buffer);
  // Loops: of every keyed event of v1 one is packed.
  receipts.forEach((receipt, index) => {
    const at = index * RECEIPT_BYTES;
    const { keyHash, fingerprint } = receipt;
    for (let i = 0; i < 4; i += 1) view.setUint32(at + 4 * i, keyHash[i]!);
    view.setUint32(at + FINGERPRINT_AT, fingerprint[0]);
    view.setUint32(at + FINGERPRINT_AT + 4, fingerprint[1]);
    view.setFloat64(at + RECEIVED_AT, receipt.receivedAtMs);
    if (receipt.generatedIdentifier !== undefined) {
      bytes.set(uuidBytes(receipt.generatedIdentifier), at + IDENTIFIER_AT);
    }
  });
  return bytes;
}

/** Calls back for each packed receipt; `keyHash` is the same array every time, so copy what you keep. */
export function forEachPacked(
  packed: Uint8Array,
  visit: (keyHash: Uint32Array, receivedAtMs: number) => void,
): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const keyHash = new Uint32Array(4);
  for (let at = 0; at < packed.byteLength; at += RECEIPT_BYTES) {
    for (let i = 0; i < 4; i += 1) keyHash[i] = view.getUint32(at + 4 * i);
    visit(keyHash, view.getFloat64(at + RECEIVED_AT));
  }
}

/** The packed receipt of this key; undefined when there is none. */
export function findPacked(packed: Uint8Array, keyHash: Uint32Array): Receipt | undefined {
  return unpackReceipts(packed).find((receipt) =>
    receipt.keyHash.every((word, index) => word === keyHash[index]),
  );
}

export function unpackReceipts(packed: Uint8Array): Receipt[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Array.from({ length: packed.byteLength / RECEIPT_BYTES }, (_, index) => {
    const at = index * RECEIPT_BYTES;
    return {
      keyHash: Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(at + 4 * i)),
      fingerprint: [view.getUint32(at + FINGERPRINT_AT), view.getUint32(at + FINGERPRINT_AT + 4)],
      receivedAtMs: view.getFloat64(at + RECEIVED_AT),
      generatedIdentifier: uuidText(packed.subarray(at + IDENTIFIER_AT, at + RECEIPT_BYTES)),
    };
  });
}

function uuidBytes(uuid: string): Uint8Array {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function uuidText(bytes: Uint8Array): string | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined;
  const hex = Buffer.from(bytes).toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20)].join('-');
}
