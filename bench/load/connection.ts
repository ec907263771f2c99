import { connect, type Socket } from 'node:net';

const HEADER_END = '\r\n\r\n';
/** More than any answer of the calls that are measured. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** One keep-alive connection with at most one request under way. Answers need a Content-Length. */
export class Connection {
  readonly #socket: Socket;
  readonly #received = Buffer.alloc(ANSWER_BYTES_MAX);
  readonly #onAnswer: (status: number, connection: Connection, answer: Buffer) => void;
  #length = 0;

  /** `answer` is read only within the call: its bytes are used again. */
  constructor(
    port: number,
    onAnswer: (status: number, connection: Connection, answer: Buffer) => void,
    onEnd: (error: Error | undefined) => void,
  ) {
    this.#onAnswer = onAnswer;
    const read = Buffer.alloc(ANSWER_BYTES_MAX);
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      // One buffer for all reads, where 'data' events would make one each.
      onread: { buffer: read, callback: (length) => this.#read(read, length) },
    });
    this.#socket.on('error', onEnd).on('end', () => onEnd(undefined));
  }

  opened(): Promise<void> {
    return new Promise((resolve) => this.#socket.once('connect', resolve));
  }

  /** The bytes must stay as they are until the answer came. */
  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer, length: number): boolean {
    bytes.copy(this.#received, this.#length, 0, length);
    this.#length += length;
    const text = this.#received.toString('latin1', 0, this.#length);
    const headerEnd = text.indexOf(HEADER_END);
    if (headerEnd === -1) return true;
    const bodyLength = /content-length: (\d+)/iu.exec(text)?.[1];
    if (bodyLength === undefined) throw new Error(`an answer without Content-Length: ${text}`);
    if (this.#length < headerEnd + HEADER_END.length + Number(bodyLength)) return true;
    const answer = this.#received.subarray(0, this.#length);
    this.#length = 0;
    this.#onAnswer(Number(text.slice(9, 12)), this, answer);
    return true;
  }
}
