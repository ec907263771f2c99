/** Raw HTTP, for what no SDK sends and for headers and digits that SDKs hide. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { TEST_KEY } from './server.ts';
import { PATIENCE_MS } from './wait.ts';

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

export type Call = {
  readonly method?: string;
  /** With the query, as it goes on the wire. */
  readonly path: string;
  /** A record is sent as a form, text and bytes as they are. */
  readonly body?: string | Buffer | Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bearer key; null sends no Authorization. */
  readonly key?: string | null;
  readonly agent?: Agent;
};

export type ErrorBody = {
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly code?: string;
    readonly param?: string;
    readonly doc_url?: string;
  };
};

const sharedAgent = new Agent({ keepAlive: true, maxSockets: 64 });

/** The parameters as a form body or query; brackets are left as they are, as stripe-node does. */
export function toForm(fields: Readonly<Record<string, string | number>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${plainBrackets(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
}

function plainBrackets(name: string): string {
  return encodeURIComponent(name).replaceAll('%5B', '[').replaceAll('%5D', ']');
}

/** Sends one request; rejects only when no whole answer came. POST when there is a body. */
export async function call(origin: { readonly url: string }, what: Call): Promise<Answer> {
  const body = isRecord(what.body) ? toForm(what.body) : what.body;
  const url = new URL(origin.url);
  const key = what.key === undefined ? TEST_KEY : what.key;
  return await new Promise<Answer>((settle, fail) => {
    const outgoing = request(
      {
        host: url.hostname,
        port: url.port,
        method: what.method ?? (body === undefined ? 'GET' : 'POST'),
        path: what.path,
        agent: what.agent ?? sharedAgent,
        timeout: PATIENCE_MS,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined
            ? {}
            : {
                'content-type': 'application/x-www-form-urlencoded',
                'content-length': String(Buffer.byteLength(body)),
              }),
          ...what.headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          settle({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      },
    );
    outgoing.on('error', fail);
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.end(body);
  });
}

function isRecord(body: Call['body']): body is Readonly<Record<string, string | number>> {
  return typeof body === 'object' && !Buffer.isBuffer(body);
}

/** The body of a refusal. */
export function errorOf(answer: Answer): ErrorBody['error'] {
  return (JSON.parse(answer.text) as ErrorBody).error;
}
