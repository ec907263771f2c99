import assert from 'node:assert/strict';
import type { Payload } from '../../src/domain/meter-events/meter-event.ts';
import { charactersIn } from '../../src/domain/characters.ts';
import { parseForm, type Form } from '../../src/api/read/form.ts';
import { jsonToForm, parseJson, type JsonShape } from '../../src/api/read/json.ts';
import { parseSentEvent } from '../../src/api/meter-events/meter-events.ts';
import { readStreamEvent, type StreamContext } from '../../src/api/stream/stream-event.ts';
import type { Meter } from '../../src/domain/meter.ts';
import { toNamespace } from '../../src/domain/namespace.ts';
import { parseQuantity, toQuantity } from '../../src/domain/quantity.ts';
import { corpusOf } from '../corpus.ts';
import { generateForm, generateJson } from '../generate.ts';
import { type Target } from '../target.ts';

const TEXT_MAX = 100;
const KEYS_MAX = 100;
const namespace = toNamespace('acct_1', 'test');
const METER: Meter = {
  id: 'mtr_1',
  namespace,
  displayName: 'Requests',
  eventName: 'requests',
  formula: 'sum',
  eventTimeWindow: null,
  customerKey: 'stripe_customer_id',
  valueKey: 'value',
  status: 'active',
  createdS: 0,
  updatedS: 0,
  deactivatedAtS: null,
};
const SHAPE: JsonShape = {
  event_name: 'text',
  payload: 'texts',
  identifier: 'text',
  timestamp: 'time',
};
const CONTEXT: StreamContext = {
  namespace,
  receivedAtMs: Date.UTC(2026, 0, 1),
  meters: { ofEventName: (_, name) => (name === 'requests' ? [METER] : []) },
  pastDays: 35,
};

function assertText(text: string, min = 0): void {
  const count = charactersIn(text);
  assert.ok(count >= min && count <= TEXT_MAX && text.isWellFormed(), 'a wrong text');
}

function assertPayload(payload: Payload): void {
  assert.ok(payload.size <= KEYS_MAX);
  for (const [key, text] of payload) [key, text].forEach((one) => assertText(one));
}

/** An event of v1 or v2, from its parameters: what is read is within all limits. */
export const event: Target<ReturnType<typeof parseSentEvent>> = {
  name: 'event',
  ...corpusOf('form', 'json'),
  generate: (random) => (random.chance(0.5) ? generateJson : generateForm)(random),
  read: (input) => {
    const isJson = input.startsWith('{');
    const json = (): Form => jsonToForm(parseJson(Buffer.from(input)), SHAPE);
    return parseSentEvent(isJson ? json() : parseForm(input));
  },
  check: (_, { eventName, identifier, payload }) => {
    [eventName, identifier ?? 'none'].forEach((one) => assertText(one, 1));
    assertPayload(payload);
    return `${identifier === undefined} ${Math.min(payload.size, 4)}`;
  },
};

type StreamRead = { readonly sent: unknown; readonly read: ReturnType<typeof readStreamEvent> };

/** An event of a stream: never an exception; an event within limits, or a reason that can be kept. */
export const stream: Target<StreamRead> = {
  name: 'stream',
  ...corpusOf('json', 'stream'),
  generate: generateJson,
  read: (input) => {
    const sent = parseJson(Buffer.from(input));
    return { sent, read: readStreamEvent(CONTEXT, sent) };
  },
  check: (_, { sent, read }) => {
    if ('rejection' in read) {
      const { code, message } = read.rejection;
      assert.ok(message.length < 1_000 && message.isWellFormed(), 'a wrong reason');
      [read.eventName, read.identifier].forEach((one) => assertText(one));
      return code;
    }
    const { payload } = sent as { payload: Record<string, string | null> };
    assert.equal(read.customer, payload['stripe_customer_id']);
    assert.equal(toQuantity(read.value), parseQuantity(payload['value'] ?? ''));
    [read.customer, read.identifier].forEach((one) => assertText(one, 1));
    assert.ok(Object.values(payload).filter((text) => text !== null).length <= KEYS_MAX);
    assertPayload(read.rest);
    return `an event ${Math.min(read.rest.size, 3)}`;
  },
};
