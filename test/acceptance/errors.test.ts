import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { exchange } from '../support/raw.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { postJson, V2_SESSION, v2ErrorOf } from '../support/v2.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

async function post(path: string, body: string): Promise<Answer> {
  return await call(server, { path, body });
}

describe('the envelope', () => {
  test('an unknown parameter', async () => {
    const answer = await post('/v1/customers', 'nope=1');
    assert.equal(answer.status, 400);
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/u);
    assert.deepEqual(errorOf(answer), {
      code: 'parameter_unknown',
      doc_url: 'https://stripe.com/docs/error-codes/parameter-unknown',
      message: 'Received unknown parameter: nope',
      param: 'nope',
      type: 'invalid_request_error',
    });
  });

  test('several unknown parameters', async () => {
    const { code, message } = errorOf(await post('/v1/customers', 'nope=1&name=x&never=2'));
    assert.equal(code, 'parameter_unknown');
    assert.equal(message, 'Received unknown parameters: nope, never');
  });

  test('a missing parameter', async () => {
    const body = 'display_name=x&default_aggregation[formula]=sum';
    assert.deepEqual(errorOf(await post('/v1/billing/meters', body)), {
      code: 'parameter_missing',
      doc_url: 'https://stripe.com/docs/error-codes/parameter-missing',
      message: 'Missing required param: event_name.',
      param: 'event_name',
      type: 'invalid_request_error',
    });
  });

  test('a missing object', async () => {
    const answer = await call(server, { path: '/v1/customers/cus_nobody' });
    assert.equal(answer.status, 404);
    assert.deepEqual(errorOf(answer), {
      code: 'resource_missing',
      doc_url: 'https://stripe.com/docs/error-codes/resource-missing',
      message: "No such customer: 'cus_nobody'",
      param: 'id',
      type: 'invalid_request_error',
    });
  });

  test('an error without a code has no code and no doc_url', async () => {
    const body = 'display_name=x&event_name=y&default_aggregation[formula]=max';
    assert.deepEqual(errorOf(await post('/v1/billing/meters', body)), {
      message: 'Invalid default_aggregation[formula]: must be one of count, last, or sum',
      param: 'default_aggregation[formula]',
      type: 'invalid_request_error',
    });
  });

  test('nothing of the inside shows', async () => {
    const answer = await post('/v1/customers', 'nope=1');
    assert.doesNotMatch(answer.text, /stack|\.ts|node_modules/u);
  });
});

describe('headers', () => {
  test('each answer has a Request-Id of its own', async () => {
    const paths = ['/v1/customers', '/v1/customers/none', '/v1/nope', '/v1/customers'];
    const ids = [];
    for (const path of paths) {
      const { headers } = await call(server, { path });
      assert.match(headers['request-id']?.toString() ?? '', /^req_\w+$/u);
      ids.push(headers['request-id']);
    }
    assert.equal(new Set(ids).size, paths.length);
  });

  test('Stripe-Version is echoed, and not required', async () => {
    const beta = '2025-03-31.preview; some_beta=v1';
    for (const version of ['2026-10-28.endive', '2020-08-27', '2025-03-31.basil', beta]) {
      const headers = { 'stripe-version': version };
      const answer = await call(server, { path: '/v1/customers', headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['stripe-version'], version);
    }
    assert.equal((await call(server, { path: '/v1/customers' })).status, 200);
  });

  test('a Stripe-Version that is none is refused, on each version of the API', async () => {
    for (const version of ['nonsense', '2019-2-19', '2025-02-30', '2025-03-31.basil.x', '']) {
      const headers = { 'stripe-version': version };
      const message = `Invalid Stripe API version: ${version === '' ? '""' : version}`;
      const v1 = [
        await call(server, { path: '/v1/customers', headers }),
        await call(server, { path: '/v1/customers', body: 'name=x', headers }),
      ];
      for (const answer of v1) {
        assert.equal(answer.status, 400);
        assert.equal(answer.headers['stripe-version'], '2026-10-28.endive');
        assert.deepEqual(errorOf(answer), { message, type: 'invalid_request_error' });
      }
      const v2 = await postJson(server, { path: V2_SESSION, body: {}, headers });
      assert.equal(v2.status, 400);
      assert.deepEqual(v2ErrorOf(v2), { code: 'api_version_invalid', message });
    }
    assert.deepEqual((await newClient(server).customers.list()).data, []);
  });

  test('the key is looked at before the version', async () => {
    const headers = { 'stripe-version': 'nonsense' };
    assert.equal((await call(server, { path: '/v1/customers', key: null, headers })).status, 401);
    assert.equal((await call(server, { path: '/v1/nope', headers })).status, 404);
  });

  test('headers that SDKs send do no harm', async () => {
    const answer = await call(server, {
      path: '/v1/customers',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-stripe-client-user-agent': '{"lang":"node"}',
        'x-stripe-client-telemetry': '{"last_request_metrics":{}}',
        'stripe-request-trigger': 'event=evt_1',
        'accept-encoding': 'gzip, deflate',
      },
    });
    assert.equal(answer.status, 200);
  });
});

describe('URLs and methods', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['GET', '/v1/nope'],
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v1/billing/meters/mtr_1/nope'],
    ['DELETE', '/v1/billing/meters/mtr_1'],
    ['DELETE', '/v1/billing/meters'],
    ['PUT', '/v1/customers'],
    ['PATCH', '/v1/customers/cus_1'],
    ['DELETE', '/v1/billing/meter_events'],
    ['GET', '/v1/billing/meter_event_adjustments'],
    ['GET', '/v1/billing/meters/mtr_1/deactivate'],
    ['POST', '/v1/billing/meters/mtr_1/event_summaries'],
    ['GET', '/V1/customers'],
    ['GET', '/v1/%2e%2e/healthz'],
  ];
  for (const [method, path] of wrong) {
    test(`${method} ${path} is 404`, async () => {
      const answer = await call(server, { method, path });
      assert.equal(answer.status, 404, answer.text);
      const { type, message } = errorOf(answer);
      assert.equal(type, 'invalid_request_error');
      assert.ok(message.startsWith(`Unrecognized request URL (${method}: ${path})`), message);
    });
  }

  test('the query is no part of the URL that is named', async () => {
    const { message } = errorOf(await call(server, { path: '/v1/nope?secret=1' }));
    assert.ok(message.startsWith('Unrecognized request URL (GET: /v1/nope)'), message);
  });

  test('an id in the path is decoded once, and ids are only looked up', async () => {
    for (const id of ['%2e%2e', '%27%20OR%201=1', 'x'.repeat(3000), '%F0%9F%98%80']) {
      const answer = await call(server, { path: `/v1/customers/${id}` });
      assert.ok([400, 404, 414].includes(answer.status), answer.text);
    }
  });
});

describe('expand', () => {
  test('nothing here can be expanded: any path is refused with param expand', async () => {
    const meter = await createMeter(newClient(server));
    const customer = await newClient(server).customers.create();
    const calls: readonly (readonly [string, string | undefined])[] = [
      ['/v1/billing/meters?expand[]=data.customer', undefined],
      [`/v1/billing/meters/${meter.id}?expand[0]=nope`, undefined],
      ['/v1/customers?expand%5B%5D=data.nope', undefined],
      [`/v1/customers/${customer.id}`, 'expand[]=nope'],
      [
        '/v1/billing/meter_events',
        `event_name=${meter.event_name}&payload[stripe_customer_id]=c&payload[value]=1&expand[]=nope`,
      ],
    ];
    for (const [path, body] of calls) {
      const answer = await call(server, { path, ...(body === undefined ? {} : { body }) });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(errorOf(answer).param, 'expand', answer.text);
    }
    const sums = await newClient(server).billing.meters.listEventSummaries(meter.id, {
      customer: 'c',
      start_time: 0,
      end_time: 4_102_444_800,
    });
    assert.deepEqual(sums.data, []);
  });

  for (const line of SDK_LINES) {
    test(`through ${line.name}`, async () => {
      const client = newClient(server, { line });
      const message = /nope/u;
      const expected = { param: 'expand', message };
      await refused400(client.customers.list({ expand: ['data.nope'] }), expected, line);
      await refused400(client.customers.create({ expand: ['nope'] }), expected, line);
    });
  }
});

describe('bodies', () => {
  test('up to 1 MiB is read, more is 413', async () => {
    const mebibyte = 2 ** 20;
    const fits = await post('/v1/customers', `nope=${'x'.repeat(mebibyte - 5)}`);
    assert.equal(fits.status, 400);
    assert.equal(errorOf(fits).code, 'parameter_unknown');
    const tooLarge = await post('/v1/customers', `nope=${'x'.repeat(mebibyte - 4)}`).catch(
      (error: unknown) => error,
    );
    // The server may cut the connection instead of reading on; when it answers, it says 413.
    if (!(tooLarge instanceof Error)) {
      const answer = tooLarge as Answer;
      assert.equal(answer.status, 413);
      assert.equal(errorOf(answer).type, 'invalid_request_error');
    }
    assert.equal((await call(server, { path: '/v1/customers' })).status, 200);
  });

  test('a declared length over 1 MiB is 413 before the body is sent', async () => {
    const { text } = await exchange(
      server,
      'POST /v1/customers HTTP/1.1\r\nHost: x\r\n' +
        `Authorization: Bearer ${TEST_KEY}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
        'Content-Length: 99999999\r\nConnection: close\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 413 /u);
  });

  test('deep nesting, many parameters and broken spellings are refused, not fatal', async () => {
    const hostile = [
      `a${'[x]'.repeat(5000)}=1`,
      Array.from({ length: 20_000 }, (_, n) => `p${n}=1`).join('&'),
      'metadata[=1',
      'metadata]=1',
      '[]=1',
      '[a]=1',
      'metadata[a][b]=1',
      'metadata[][a]=1',
      '=',
      '=1',
      'name=%zz%E0%A4%A',
      'name[=x',
      'name=%00',
      'metadata[__proto__][x]=1',
    ];
    for (const body of hostile) {
      const answer = await post('/v1/customers', body);
      assert.ok(answer.status < 500, `${body.slice(0, 40)}: ${answer.status} ${answer.text}`);
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/u);
    }
    const { data } = await newClient(server).customers.list({ limit: 1 });
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    assert.ok(data.length <= 1);
  });

  test('a v1 body in JSON is refused', async () => {
    const answer = await call(server, {
      path: '/v1/customers',
      body: '{"name":"x"}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 400, answer.text);
  });

  test('the same parameter twice is refused, in a query too', async () => {
    const inBody = await post('/v1/customers', 'name=a&name=b');
    assert.equal(inBody.status, 400);
    assert.equal(errorOf(inBody).param, 'name');
    const inQuery = await call(server, { path: '/v1/customers?limit=1&limit=2' });
    assert.equal(inQuery.status, 400);
    assert.equal(errorOf(inQuery).param, 'limit');
  });
});

test('what is not HTTP ends the connection, not the server', async () => {
  for (const bytes of ['\u0000\u0001\u0002\r\n\r\n', 'GET\r\n\r\n', `GET /${'x'.repeat(99_999)}`]) {
    const { closed } = await exchange(server, `${bytes}\r\n\r\n`);
    assert.ok(closed, 'the connection stayed open');
  }
  assert.equal((await call(server, { path: '/v1/customers' })).status, 200);
});

test('a client that goes away in mid-body leaves nothing behind', async () => {
  const client = newClient(server);
  const before = (await client.customers.list({ limit: 100 })).data.length;
  await new Promise<void>((settle) => {
    const socket = connect(server.port, server.host, () => {
      socket.write(
        'POST /v1/customers HTTP/1.1\r\nHost: x\r\n' +
          `Authorization: Bearer ${TEST_KEY}\r\nContent-Length: 100\r\n\r\nname=half`,
        () => socket.destroy(),
      );
    });
    socket.on('close', () => settle());
  });
  assert.equal((await client.customers.list({ limit: 100 })).data.length, before);
});

for (const line of SDK_LINES) {
  test(`typed errors, ${line.name}`, async () => {
    const client = newClient(server, { line });
    const error = await refused(
      client.billing.meters.create({} as Stripe.Billing.MeterCreateParams),
      { type: 'StripeInvalidRequestError', status: 400, code: 'parameter_missing' },
      line,
    );
    assert.equal(error.rawType, 'invalid_request_error');
    assert.equal(error.doc_url, 'https://stripe.com/docs/error-codes/parameter-missing');
    await refused(
      client.billing.meters.retrieve('mtr_nope'),
      {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
        param: 'id',
        message: "No such billing meter: 'mtr_nope'",
      },
      line,
    );
    await refused(
      client.rawRequest('GET', '/v1/nope'),
      {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: null,
        message: /^Unrecognized request URL \(GET: \/v1\/nope\)/u,
      },
      line,
    );
  });
}
