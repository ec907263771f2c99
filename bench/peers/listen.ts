/** What the peers that store events share: HTTP, reading the two bodies, and Stripe's answers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type PeerEvent = {
  readonly event_name: string;
  readonly identifier: string;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly payload: Readonly<Record<string, string>>;
};
export type Peer = {
  /** Stores what is new of a batch; returns when it is durable. */
  readonly stream: (events: readonly PeerEvent[]) => Promise<void> | void;
  /** Stores one event; false: its identifier is known. Returns when it is durable. */
  readonly v1: (event: PeerEvent) => Promise<boolean> | boolean;
};

/** What the SDK reads of a v1 answer, as long as a real one. */
export const V1_ANSWER = JSON.stringify({
  object: 'billing.meter_event',
  created: 1_795_397_039,
  event_name: 'requests',
  identifier: 'ca0fecf7-7667-4586-acab-9d16d579f80b',
  livemode: false,
  payload: { stripe_customer_id: 'cus_0001', value: '25.50' },
  timestamp: 1_795_397_039,
});
export const STREAM_PATH = '/v2/billing/meter_event_stream';

export function servePeer(name: string, peer: Peer): void {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    try {
      if (request.url === STREAM_PATH) {
        const { events } = JSON.parse(body) as { events: readonly PeerEvent[] };
        await peer.stream(events);
        return answer(response, 200, '{}');
      }
      const event = eventOf(new URLSearchParams(body));
      const isNew = await peer.v1(event);
      const { identifier, payload } = event;
      const fresh = { object: 'billing.meter_event', ...event, identifier, payload };
      answer(response, isNew ? 200 : 400, JSON.stringify({ ...fresh, livemode: false }));
    } catch (error) {
      answer(response, 500, JSON.stringify({ error: String(error) }));
    }
  };
  listen(
    name,
    createServer((request, response) => void respond(request, response)),
  );
}

/** Listens on a free port and prints it in the words that Taximeter uses. */
export function listen(name: string, server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    console.log(
      `${name} is listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
  });
}

export function answer(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body);
}

/** Events rather than `for await`, which costs a bare server a tenth of its rate. */
export function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [first] = chunks;
      const body = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
      resolve(body.toString());
    });
  });
}

function eventOf(form: URLSearchParams): PeerEvent {
  const payload: Record<string, string> = {};
  for (const [name, value] of form) {
    const key = /^payload\[(.+)\]$/u.exec(name)?.[1];
    if (key !== undefined) payload[key] = value;
  }
  return {
    event_name: form.get('event_name') ?? '',
    identifier: form.get('identifier') ?? '',
    timestamp: new Date().toISOString(),
    payload,
  };
}
