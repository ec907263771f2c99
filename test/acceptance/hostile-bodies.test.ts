/**
 * Hostile input, second part: bodies, the same cases on every wire that an event can come by. A case is refused by all
 * or counted by all, and at the end exactly what was accepted is there.
 * More of the stream: stream-hostile.test.ts. Numbers: meter-events.test.ts. What nobody thought of: npm run fuzz.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createMeter } from '../support/fixtures.ts';
import { call, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { exchange, statuses } from '../support/raw.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { fates, openStream, TELL, type Told } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { V2_EVENTS, V2_STREAM } from '../support/v2.ts';

/** Named values in order; a name may come twice, and be one that objects are born with. */
type Tree = readonly (readonly [name: string, value: string | Tree])[];
type Fate = 'accepted' | 'refused';

let server: Server;
let meter: Stripe.Billing.Meter;
let token: string;
/** How many events were accepted: each has the value 1. */
let accepted = 0;
before(async () => {
  server = await Server.start();
  meter = await createMeter(newClient(server), { event_name: 'hostile' });
  token = await openStream(server);
});
after(async () => {
  await server.remove();
});

function toForm(tree: Tree, parent = ''): string {
  return tree
    .flatMap(([name, value]) => {
      const escaped = encodeURIComponent(name);
      const path = parent === '' ? escaped : `${parent}[${escaped}]`;
      if (typeof value === 'string') return [`${path}=${encodeURIComponent(value)}`];
      return value.length === 0 ? [] : [toForm(value, path)];
    })
    .join('&');
}

function toJson(tree: Tree): string {
  const pairs = tree.map(
    ([name, value]) =>
      `${JSON.stringify(name)}:${typeof value === 'string' ? JSON.stringify(value) : toJson(value)}`,
  );
  return `{${pairs.join(',')}}`;
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
type Wire = {
  readonly path: string;
  readonly type: string;
  readonly write: (event: Tree) => string;
  /** An event that is accepted, in bytes. */
  readonly good: () => string;
};
const good = (write: Wire['write']) => (): string => write(event());
const WIRES: Readonly<Record<string, Wire>> = {
  'v1, a form': {
    path: '/v1/billing/meter_events',
    type: FORM,
    write: toForm,
    good: good(toForm),
  },
  'v2, JSON': { path: V2_EVENTS, type: JSON_TYPE, write: toJson, good: good(toJson) },
  'the stream': {
    path: V2_STREAM,
    type: JSON_TYPE,
    write: (one) => `{"events":[${toJson(one)}]}`,
    good: () => `{"events":[${toJson(event())}]}`,
  },
};

/** A good event with more in it; a payload in `more` is added to that of the event. */
function event(more: Tree = [], payload: Tree = []): Tree {
  const has = (name: string): boolean => more.some(([one]) => one === name);
  const own: Tree = [
    ['event_name', 'hostile'],
    ['identifier', unique('event')],
    ['payload', [['stripe_customer_id', 'c'], ['value', '1'], ...payload]],
  ];
  return [...own.filter(([name]) => !has(name)), ...more];
}

function keyOf(path: string): string {
  return path === V2_STREAM ? token : TEST_KEY;
}

async function post(
  { path, type }: Wire,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const key = keyOf(path);
  const all = { 'content-type': type, ...TELL, ...headers };
  return await call(server, { path, body, key, headers: all });
}

/** What became of the event; an answer that is neither yes nor a refusal that says why fails. */
function fateOf(answer: Answer): Fate {
  const body = JSON.parse(answer.text) as { error?: { message?: string } } & Partial<Told>;
  if (answer.status !== 200) {
    assert.ok([400, 413, 415].includes(answer.status), `${answer.status} ${answer.text}`);
    const message = body.error?.message ?? '';
    assert.ok(message !== '' && message.length < 1000 && message.isWellFormed(), answer.text);
    return 'refused';
  }
  const [fate = 'accepted'] = body.results === undefined ? [] : fates(body as Told);
  if (fate !== 'accepted') return 'refused';
  accepted += 1;
  return 'accepted';
}

async function becomes(fate: Fate, tree: () => Tree, what: string): Promise<void> {
  for (const [name, wire] of Object.entries(WIRES)) {
    const answer = await post(wire, wire.write(tree()));
    assert.equal(fateOf(answer), fate, `${what} by ${name}: ${answer.text}`);
  }
}

describe('names that objects are born with, at every level', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length']) {
    test(name, async () => {
      for (const value of ['x', [['a', 'b']], [['__proto__', [['a', 'b']]]]] as const) {
        await becomes('refused', () => event([[name, value]]), 'a parameter');
      }
      await becomes('refused', () => event([], [[name, [['a', 'b']]]]), 'a hash in the payload');
      await becomes('refused', () => event([['event_name', name]]), 'an event name');
      await becomes('refused', () => event([['identifier', [[name, 'x']]]]), 'in an identifier');
      await becomes('refused', () => event([['payload', [[name, 'c']]]]), 'the only key');
      await becomes('accepted', () => event([], [[name, 'x']]), 'a key of the payload');
      await becomes('accepted', () => event([['identifier', unique(name)]]), 'an identifier');
    });
  }
});

describe('keys', () => {
  const numbered = (count: number): Tree => Array.from({ length: count }, (_, n) => [`${n}`, 'x']);

  test('that look like indices are names', async () => {
    await becomes('accepted', () => event([], numbered(98)), 'a payload of 100');
    await becomes('refused', () => event([], numbered(99)), 'a payload of 101');
    const large: Tree = [...[4294967294, 4294967295, -1, 1e21].map(String), '01', ''].map((key) => [
      key,
      'x',
    ]);
    await becomes('accepted', () => event([], large.slice(0, -1)), 'indices of every size');
    await becomes('refused', () => event(numbered(1)), 'a parameter');
  });

  test('that come twice: the last counts in JSON, as everywhere; a form with two is refused', async () => {
    const twice = (): Tree =>
      event(
        [],
        [
          ['value', '1'],
          ['value', '1'],
        ],
      );
    const byForm = WIRES['v1, a form']!;
    assert.equal(fateOf(await post(byForm, byForm.write(twice()))), 'refused');
    for (const wire of [WIRES['v2, JSON']!, WIRES['the stream']!]) {
      assert.equal(fateOf(await post(wire, wire.write(twice()))), 'accepted');
    }
  });

  test('of 900 KB are refused, and not repeated', async () => {
    const long = 'k'.repeat(900_000);
    await becomes('refused', () => event([[long, 'x']]), 'a parameter');
    await becomes('refused', () => event([], [[long, 'x']]), 'a key of the payload');
    await becomes('refused', () => event([['event_name', long]]), 'a name');
    await becomes('refused', () => event([['identifier', long]]), 'an identifier');
  });
});

test('nesting: no value of an event is deep', async () => {
  const deep = (levels: number): Tree => (levels === 0 ? [['a', 'b']] : [['a', deep(levels - 1)]]);
  for (const levels of [1, 5, 20, 500]) {
    await becomes('refused', () => event([], deep(levels)), `${levels} levels in the payload`);
    await becomes('refused', () => event(deep(levels)), `${levels} levels beside it`);
  }
});

test('numbers: what is none, is not finite or has too many digits', async () => {
  const value = (text: string) => (): Tree =>
    event([
      [
        'payload',
        [
          ['stripe_customer_id', 'c'],
          ['value', text],
        ],
      ],
    ]);
  const WRONG = ['', ' 1', '1 ', '+1', '1,5', '0x1', '1_0', 'NaN', 'Infinity', '-Infinity', '١', '１', '1e', '.', '-',
    '1e400', '1e999999999', '1e-400', '9'.repeat(16), '9'.repeat(100_000), `0.${'0'.repeat(12)}1`, '1n', 'null']; // prettier-ignore
  for (const text of WRONG) await becomes('refused', value(text), text.slice(0, 20));
  for (const text of ['1', '1.000', '1e0', '0.1e1', '001'])
    await becomes('accepted', value(text), text);
});

describe('Unicode', () => {
  test('identifiers are told apart by what was sent, not by how it looks', async () => {
    const stem = unique('u');
    for (const end of [
      'é'.normalize('NFC'),
      'é'.normalize('NFD'),
      '\0',
      '🚕',
      '\ufeff',
      '\ufffd',
      ' ',
      'K',
      '\u212a',
    ]) {
      for (const [name, wire] of Object.entries(WIRES)) {
        // Each wire has a stem of its own: they share identifiers.
        const one = (): Tree => event([['identifier', `${name}${stem}${end}`]]);
        assert.equal(fateOf(await post(wire, wire.write(one()))), 'accepted', JSON.stringify(end));
        assert.equal(fateOf(await post(wire, wire.write(one()))), 'refused', 'sent again');
      }
    }
  });

  test('bytes that are not UTF-8 are refused, since two texts would become one', async () => {
    const BYTES = [
      [0xff],
      [0xc3],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0xbd],
      [0xf5, 0x80, 0x80, 0x80],
      [0xe2, 0x82],
    ];
    for (const bytes of BYTES) {
      for (const [name, wire] of Object.entries(WIRES)) {
        const [head = '', tail = ''] = wire.write(event([['identifier', 'HERE']])).split('HERE');
        const raw = Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)]);
        assert.equal(fateOf(await post(wire, raw)), 'refused', `${bytes.join(' ')} by ${name}`);
      }
      const escaped = bytes.map((byte) => `%${byte.toString(16)}`).join('');
      const form = toForm(event([['identifier', 'HERE']])).replace('HERE', escaped);
      assert.equal(fateOf(await post(WIRES['v1, a form']!, form)), 'refused', escaped);
    }
  });

  test('half a surrogate pair, which JSON can escape, is refused wherever it stands', async () => {
    for (const half of ['\\ud83d', '\\ude95']) {
      for (const wire of [WIRES['v2, JSON']!, WIRES['the stream']!]) {
        for (const tree of [
          event([['identifier', 'HERE']]),
          event([], [['HERE', 'x']]),
          event([], [['x', 'HERE']]),
          event([['HERE', 'x']]),
        ]) {
          assert.equal(fateOf(await post(wire, wire.write(tree).replace('HERE', half))), 'refused');
        }
      }
    }
  });

  test('a byte order mark in front is no part of a form or of JSON', async () => {
    for (const wire of Object.values(WIRES)) {
      assert.equal(fateOf(await post(wire, `\ufeff${wire.good()}`)), 'refused');
      const utf16 = Buffer.from(`\ufeff${wire.good()}`, 'utf16le');
      assert.equal(fateOf(await post(wire, utf16)), 'refused');
    }
  });
});

describe('what a body is said to be', () => {
  for (const [name, wire] of Object.entries(WIRES)) {
    test(`${name}: any other content type is refused`, async () => {
      const others = [FORM, JSON_TYPE].filter((type) => type !== wire.type);
      for (const type of [
        ...others,
        'text/plain',
        'multipart/form-data; boundary=x',
        'application/octet-stream',
        '',
        ',',
        `${wire.type}x`,
        `x;${wire.type}`,
        `text/plain, ${wire.type}`,
      ]) {
        const answer = await post(wire, wire.good(), { 'content-type': type });
        assert.equal(fateOf(answer), 'refused', type);
      }
      for (const type of [
        wire.type.toUpperCase(),
        `${wire.type}; charset=utf-8`,
        `${wire.type} ;x`,
      ]) {
        assert.equal(
          fateOf(await post(wire, wire.good(), { 'content-type': type })),
          'accepted',
          type,
        );
      }
    });

    test(`${name}: compressed in another way than it says, or than is taken, it is refused`, async () => {
      const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 'a='));
      const packed = gzipSync(wire.good());
      const CODINGS = ['deflate', 'br', 'gzip, gzip', 'identity, gzip', 'x', 'zstd'];
      for (const body of [packed, bomb, wire.good()]) {
        for (const coding of CODINGS) {
          const answer = await post(wire, body, { 'content-encoding': coding });
          assert.equal(fateOf(answer), 'refused', coding);
          assert.equal(answer.status, coding === 'zstd' ? 400 : 415, coding);
          if (coding !== 'zstd') assert.equal(answer.headers['accept-encoding'], 'gzip, zstd');
        }
      }
      for (const body of [packed, bomb]) {
        assert.equal(fateOf(await post(wire, body)), 'refused', 'unsaid');
      }
      for (const body of [bomb, wire.good(), packed.subarray(1), packed.subarray(0, -1)]) {
        const answer = await post(wire, body, { 'content-encoding': 'gzip' });
        assert.equal(fateOf(answer), 'refused');
      }
    });
  }
});

describe('too much', () => {
  test('a million parameters, and bombs of brackets', async () => {
    const form = WIRES['v1, a form']!;
    const numbered = Array.from({ length: 100_000 }, (_, n) => `a${n}=1`).join('&');
    const BODIES = ['a&'.repeat(500_000), '&a=1'.repeat(250_000), numbered, 'a[]=1&'.repeat(170_000), '&'.repeat(1_000_000), `a${'[a]'.repeat(300_000)}=1`, `a${'['.repeat(1_000_000)}`, `a${']'.repeat(1_000_000)}`, '['.repeat(1_000_000), `a${'[]'.repeat(500_000)}=1`, `a=${'%25'.repeat(300_000)}`, '%5B'.repeat(300_000)]; // prettier-ignore
    for (const body of BODIES) {
      assert.equal(fateOf(await post(form, body)), 'refused', body.slice(0, 20));
    }
    for (const wire of [WIRES['v2, JSON']!, WIRES['the stream']!]) {
      for (const body of [
        '['.repeat(1_000_000),
        '{"a":'.repeat(200_000),
        `[${'1,'.repeat(500_000)}1]`,
        `{"a":${'9'.repeat(1_000_000)}}`,
        `{${'"a":1,'.repeat(170_000)}"a":1}`,
      ]) {
        assert.equal(fateOf(await post(wire, body)), 'refused', body.slice(0, 20));
      }
    }
  });

  for (const [name, { path, type }] of Object.entries(WIRES)) {
    test(`${name}: chunks past the limit are refused with 413 before the rest has come`, async () => {
      const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
      const head =
        `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keyOf(path)}\r\n` +
        `Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
      // One chunk more than fits, and no end: who waited for it would never answer.
      const count = (path === V2_STREAM ? 4 : 1) * 16 + 1;
      const answer = await exchange(server, head + chunk.repeat(count));
      assert.deepEqual([statuses(answer), answer.closed], [[413], true], answer.text);
    });

    test(`${name}: a length past the limit is refused with 413 before anything has come`, async () => {
      const answer = await exchange(
        server,
        `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keyOf(path)}\r\n` +
          `Content-Type: ${type}\r\nContent-Length: 99999999\r\n\r\n`,
      );
      assert.deepEqual([statuses(answer), answer.closed], [[413], true], answer.text);
    });
  }
});

test('after all this exactly what was accepted is counted, and the server is well', async () => {
  // Midnight may have passed since the first of them.
  const start = dayStart(1);
  const range = { start_time: start, end_time: start + 3 * DAY_S };
  assert.ok(accepted > 50);
  assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), String(accepted));
  assert.doesNotMatch(server.stderr, /"level":"(?:error|warn)"/u, 'no failure was logged');
  assert.equal((await server.stop()).code, 0);
});
