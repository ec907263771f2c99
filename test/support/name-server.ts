/** A name server: answers each question as it is told, the next one otherwise. RFC 1035, section 4.1; RFC 3596 for IPv6. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;

export type DnsRecord = {
  readonly type: keyof typeof TYPES;
  /** Addresses in full: four numbers, or eight groups; a name for CNAME. */
  readonly value: string;
  /** Whose it is; that of the question when left out. */
  readonly name?: string;
};
/** The records for a question of that type, or undefined for no answer; how often the name was asked about before, with the same type. */
export type Zone = (
  name: string,
  type: 'A' | 'AAAA',
  askedBefore: number,
) => readonly DnsRecord[] | undefined;

export class NameServer {
  readonly #socket: Socket = createSocket('udp4');
  readonly #asked = new Map<string, number>();
  zone: Zone = () => [];

  /** On this port of the loopback, or a free one. */
  static async start(port = 0): Promise<NameServer> {
    const server = new NameServer();
    server.#socket.on('message', (query, { address, port: to }) => {
      const answer = server.#answer(query);
      if (answer !== undefined) server.#socket.send(answer, to, address);
    });
    server.#socket.bind(port, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  /** As resolvers are given it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** How many questions came for a name. */
  asked(name: string): number {
    return (this.#asked.get(`${name} A`) ?? 0) + (this.#asked.get(`${name} AAAA`) ?? 0);
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer | undefined {
    const nameEnd = query.indexOf(0, HEADER_BYTES);
    const name = readName(query.subarray(HEADER_BYTES, nameEnd));
    const type = query.readUInt16BE(nameEnd + 1) === TYPES.AAAA ? 'AAAA' : 'A';
    const asked = this.#asked.get(`${name} ${type}`) ?? 0;
    this.#asked.set(`${name} ${type}`, asked + 1);
    const told = this.zone(name, type, asked);
    if (told === undefined) return undefined;
    const records = told.map((record) => toBytes(record, name));
    const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, records.length, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    const question = query.subarray(HEADER_BYTES, nameEnd + 5);
    return Buffer.concat([header, question, ...records]);
  }
}

function readName(labels: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < labels.length; at += 1 + (labels[at] ?? 0)) {
    parts.push(labels.toString('latin1', at + 1, at + 1 + (labels[at] ?? 0)));
  }
  // Resolvers may mix the case.
  return parts.join('.').toLowerCase();
}

function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** With a time to live of nothing. */
function toBytes({ type, value, name }: DnsRecord, asked: string): Buffer {
  const data = type === 'CNAME' ? writeName(value) : addressBytes(value);
  const fixed = Buffer.from([0, TYPES[type], 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([writeName(name ?? asked), fixed, data]);
}

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const groups = address.split(':').map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
