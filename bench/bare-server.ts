/** What node:http alone can do: reads the form, answers a body of the same size, keeps nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const BODY = JSON.stringify({
  object: 'billing.meter_event',
  created: 1_795_397_039,
  event_name: 'requests',
  identifier: 'ca0fecf7-7667-4586-acab-9d16d579f80b',
  livemode: false,
  payload: { stripe_customer_id: 'cus_1', value: '25.50' },
  timestamp: 1_795_397_039,
});

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const headers = { 'Content-Type': 'application/json', 'Content-Length': BODY.length };
    response.writeHead(form.has('event_name') ? 200 : 400, headers).end(BODY);
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(
    `Bare server is listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
});
