/** What node:http alone can do: reads the body as its kind asks, answers as Stripe would, keeps nothing. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { answer, listen, readBody, STREAM_PATH, V1_ANSWER } from './listen.ts';

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (request.url === STREAM_PATH) {
    const { events } = JSON.parse(body) as { events: unknown[] };
    answer(response, events.length > 0 ? 200 : 400, '{}');
  } else {
    answer(response, new URLSearchParams(body).has('event_name') ? 200 : 400, V1_ANSWER);
  }
}

listen(
  'Bare',
  createServer((request, response) => void respond(request, response)),
);
