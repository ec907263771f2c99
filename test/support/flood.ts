/** Clients that send ahead and do not read, and what an honest one sees meanwhile. Bounded in connections and bytes. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

type Origin = { readonly host: string; readonly port: number };

/** A connection that has sent these bytes, and reads nothing until `readAll`. */
export class Flooder {
  readonly socket: Socket;
  readonly #closed: Promise<void>;
  #text = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(to: Origin, bytes: string): Promise<Flooder> {
    const socket = connect(to.port, to.host);
    socket.on('error', () => undefined);
    const flooder = new Flooder(socket);
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    socket.pause();
    socket.write(bytes);
    return flooder;
  }

  /** All that is there to be read until the server closes the connection. */
  async readAll(): Promise<string> {
    this.socket.setEncoding('latin1').on('data', (more: string) => (this.#text += more));
    this.socket.resume();
    await this.#closed;
    return this.#text;
  }

  /** How many answers have come since `readAll`, by their status. */
  get statuses(): number[] {
    const found = this.#text.matchAll(/HTTP\/1\.1 (\d{3}) /gu);
    return [...found].map(([, status]) => Number(status));
  }

  end(): void {
    this.socket.destroy();
  }
}

/** What a process has of the machine's memory. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1]) * 1024;
}
