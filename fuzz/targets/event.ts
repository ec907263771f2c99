import assert from 'node:assert/strict';
import type { Payload } from '../../src/events/event.ts';
import { parseForm } from '../../src/http/form.ts';
import { jsonToForm, parseJson } from '../../src/http/json.ts';
import { parseSentEvent } from '../../src/http/meter-events.ts';
import { readStreamEvent, type StreamContext } from '../../src/http/stream-event.ts';
import type { Meter } from '../../src/meters/meter.ts';
import { toNamespace } from '../../src/namespace.ts';
import { parseQuantity, toQuantity } from '../../src/quantity.ts';
import { corpusOf } from '../corpus.ts';
import { generateForm, generateJson } from '../generate.ts';
import { attempt, type Target } from '../target.ts';

const TEXT_MAX = 100;
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
const CONTEXT: StreamContext = {
  namespace,
  receivedAtMs: Date.UTC(2026, 0, 1),
  meters: { ofEventName: (_, name) => (name === 'requests' ? [METER] : []) },
  pastDays: 35,
};

function assertText(text: string, min = 0): void {
  assert.ok(text.length >= min && text.length <= TEXT_MAX && text.isWellFormed(), 'a wrong text');
}

function assertPayload(payload: Payload): void {
  assert.ok(payload.size <= TEXT_MAX);
  for (const [key, text] of payload) [key, text].forEach((one) => assertText(one));
}

/** An event of v1 or v2, from its parameters: what is read is within all limits. */
export const event: Target = {
  name: 'event',
  ...corpusOf('form', 'json'),
  generate: (random) => (random.chance(0.5) ? generateJson : generateForm)(random),
  run: (input) => {
    const read = attempt(() => {
      const isJson = input.startsWith('{');
      const tree = isJson ? jsonToForm(parseJson(Buffer.from(input))) : parseForm(input);
      return parseSentEvent(tree);
    });
    if (read.refusal !== undefined) return read.refusal;
    const { eventName, identifier, payload } = read.value;
    [eventName, identifier ?? 'none'].forEach((one) => assertText(one, 1));
    assertPayload(payload);
    return `${identifier === undefined} ${Math.min(payload.size, 4)}`;
  },
};

/** An event of a stream: never an exception; an event within limits, or a reason that can be kept. */
export const stream: Target = {
  name: 'stream',
  ...corpusOf('json', 'stream'),
  generate: generateJson,
  run: (input) => {
    const sent = attempt(() => parseJson(Buffer.from(input)));
    if (sent.refusal !== undefined) return sent.refusal;
    const read = readStreamEvent(CONTEXT, sent.value);
    if ('rejection' in read) {
      const { code, message } = read.rejection;
      assert.ok(message.length < 1_000 && message.isWellFormed(), 'a wrong reason');
      [read.eventName, read.identifier].forEach((one) => assertText(one));
      return code;
    }
    const { payload } = sent.value as { payload: Record<string, string> };
    assert.equal(read.customer, payload['stripe_customer_id']);
    assert.equal(toQuantity(read.value), parseQuantity(payload['value'] ?? ''));
    [read.customer, read.identifier].forEach((one) => assertText(one, 1));
    assertPayload(read.rest);
    return `an event ${Math.min(read.rest.size, 3)}`;
  },
};
