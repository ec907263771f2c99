import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import { NO_BILLING, type BillingProfile } from '../../domain/customers/customer.ts';
import { parseCustomerChanges, parseNewCustomer, type Fields } from './customer-params.ts';
import { parseForm, type Form } from '../read/form.ts';

const NOBODY: Fields = {
  name: null,
  email: null,
  description: null,
  phone: null,
  metadata: new Map(),
  billing: NO_BILLING,
};
const ALICE: Fields = {
  name: 'Alice',
  email: 'alice@example.com',
  description: 'first',
  phone: '+1',
  metadata: new Map([
    ['a', '1'],
    ['b', '2'],
  ]),
  billing: { ...NO_BILLING, balance: -500, businessName: 'A Ltd' },
};

const after = (form: string, current = ALICE) => parseCustomerChanges(parseForm(form))(current);
const metadataAfter = (form: string) => Object.fromEntries(after(form).metadata);

function refusal(reason: ErrorCode, param: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], [reason, param]);
    return true;
  };
}

test('what a request does not name stays', () => {
  assert.deepEqual(after(''), ALICE);
  assert.deepEqual(after('', NOBODY), NOBODY);
  assert.deepEqual(after('name=Bob'), { ...ALICE, name: 'Bob' });
});

test('an empty text unsets', () => {
  const cleared = after('name=&email=&description=&phone=&metadata=');
  assert.deepEqual(cleared, { ...NOBODY, billing: ALICE.billing });
});

test('each field has its limit', () => {
  for (const [name, max] of Object.entries({
    name: 256,
    email: 512,
    description: 5000,
    phone: 20,
  })) {
    const longest = (name === 'email' ? 'x@y' : '').padEnd(max, 'x');
    assert.equal(after(`${name}=${longest}`)[name as 'name'], longest);
    assert.throws(() => after(`${name}=${longest}x`), refusal('parameter_invalid', name));
  }
});

test('metadata: a named key is set, one with an empty value unset, the others stay', () => {
  assert.deepEqual(metadataAfter('metadata[c]=3'), { a: '1', b: '2', c: '3' });
  assert.deepEqual(metadataAfter('metadata[a]=9&metadata[b]='), { a: '9' });
  assert.deepEqual(metadataAfter('metadata[not there]='), { a: '1', b: '2' });
  assert.deepEqual(metadataAfter('metadata='), {});
});

test('metadata: any merge is key by key, and changes nothing that was there', () => {
  const names = ['a', 'b', 'c', '__proto__', 'constructor'];
  const name = fc.constantFrom(...names);
  const entries = (value: fc.Arbitrary<string>) =>
    fc.array(fc.tuple(name, value)).map((pairs) => new Map(pairs));
  fc.assert(
    fc.property(
      entries(fc.constantFrom('1', '2')),
      entries(fc.constantFrom('', '3')),
      (current, sent) => {
        const before = new Map(current);
        const form: Form = new Map([['metadata', sent]]);
        const { metadata } = parseCustomerChanges(form)({ ...NOBODY, metadata: current });
        for (const key of names) {
          const expected = sent.get(key) ?? current.get(key);
          assert.equal(metadata.get(key), expected === '' ? undefined : expected);
        }
        assert.deepEqual(current, before);
      },
    ),
  );
});

test('metadata: at most 50 keys after the merge, whatever was sent', () => {
  const fifty = new Map(Array.from({ length: 50 }, (_, i) => [`key ${i}`, 'x']));
  const full = { ...NOBODY, metadata: fifty };
  const refused = refusal('parameter_invalid', 'metadata');
  assert.throws(() => after('metadata[one more]=x', full), refused);
  assert.equal(after('metadata[one more]=x&metadata[key 0]=', full).metadata.size, 50);
  assert.equal(after('metadata[key 0]=y', full).metadata.get('key 0'), 'y');
});

test('metadata: keys of 40 characters, values of 500, texts only', () => {
  const key = 'k'.repeat(40);
  const value = 'v'.repeat(500);
  assert.equal(after(`metadata[${key}]=${value}`).metadata.get(key), value);
  assert.throws(
    () => after(`metadata[${key}k]=x`),
    refusal('parameter_invalid', `metadata[${key}k]`),
  );
  assert.throws(() => after(`metadata[a]=${value}v`), refusal('parameter_invalid', 'metadata[a]'));
  assert.throws(() => after('metadata[a][b]=x'), refusal('parameter_invalid', 'metadata[a]'));
  assert.throws(() => after('metadata=x'), refusal('parameter_invalid', 'metadata'));
});

test('metadata: what a refusal is about is seen before the customer is', () => {
  assert.throws(
    () => parseCustomerChanges(parseForm('metadata[a][b]=x')),
    refusal('parameter_invalid', 'metadata[a]'),
  );
  assert.throws(
    () => parseCustomerChanges(parseForm('nmae=Bob')),
    refusal('parameter_unknown', 'nmae'),
  );
});

const billingAfter = (form: string, billing: BillingProfile = NO_BILLING): BillingProfile =>
  parseCustomerChanges(parseForm(form))({ ...NOBODY, billing }).billing;

const ADDRESS =
  'address[city]=Brno&address[country]=CZ&address[line1]=1&address[line2]=2&address[postal_code]=602&address[state]=JM';
const FULL: BillingProfile = {
  address: {
    city: 'Brno',
    country: 'CZ',
    line1: '1',
    line2: '2',
    postalCode: '602',
    state: 'JM',
  },
  balance: -1200,
  businessName: 'B',
  individualName: 'I',
  invoicePrefix: 'AB1',
  invoiceSettings: {
    customFields: [
      { name: 'PO', value: '7' },
      { name: 'VAT', value: 'x' },
    ],
    defaultPaymentMethod: 'pm_1',
    footer: 'F',
    renderingOptions: { amountTaxDisplay: 'exclude_tax', template: 'inrtem_1' },
  },
  nextInvoiceSequence: 5,
  preferredLocales: ['cs', 'en'],
  shipping: {
    address: {
      city: null,
      country: null,
      line1: 'S',
      line2: null,
      postalCode: null,
      state: null,
    },
    name: 'N',
    phone: '1',
  },
  taxExempt: 'reverse',
};
const ALL_OF_IT = [
  ADDRESS,
  'balance=-1200&business_name=B&individual_name=I&invoice_prefix=AB1&next_invoice_sequence=5',
  'invoice_settings[custom_fields][0][name]=PO&invoice_settings[custom_fields][0][value]=7',
  'invoice_settings[custom_fields][1][name]=VAT&invoice_settings[custom_fields][1][value]=x',
  'invoice_settings[default_payment_method]=pm_1&invoice_settings[footer]=F',
  'invoice_settings[rendering_options][amount_tax_display]=exclude_tax',
  'invoice_settings[rendering_options][template]=inrtem_1',
  'preferred_locales[]=cs&preferred_locales[]=en&tax_exempt=reverse',
  'shipping[address][line1]=S&shipping[name]=N&shipping[phone]=1',
].join('&');

test('all that bills are written by is kept, and stays when it is not named', () => {
  assert.deepEqual(billingAfter(ALL_OF_IT), FULL);
  assert.equal(billingAfter('name=x', FULL), FULL);
  assert.deepEqual(parseNewCustomer(parseForm(ALL_OF_IT)).billing, FULL);
});

test('an address is set as a whole, of invoice_settings what is named', () => {
  const moved = billingAfter('address[city]=Praha', FULL);
  const nowhere = { country: null, line1: null, line2: null, postalCode: null, state: null };
  assert.deepEqual(moved, { ...FULL, address: { ...nowhere, city: 'Praha' } });
  const { invoiceSettings } = billingAfter('invoice_settings[footer]=G', FULL);
  assert.deepEqual(invoiceSettings, { ...FULL.invoiceSettings, footer: 'G' });
});

test('an empty text unsets what may be unset', () => {
  const settings = 'invoice_settings';
  const cleared = billingAfter(
    `address=&shipping=&business_name=&individual_name=&tax_exempt=&preferred_locales=&balance=0` +
      `&${settings}[custom_fields]=&${settings}[default_payment_method]=&${settings}[footer]=` +
      `&${settings}[rendering_options]=&next_invoice_sequence=1`,
    FULL,
  );
  assert.deepEqual(cleared, { ...NO_BILLING, invoicePrefix: 'AB1' });
  const display = `${settings}[rendering_options][amount_tax_display]`;
  assert.deepEqual(billingAfter(`${display}=`).invoiceSettings.renderingOptions, {
    amountTaxDisplay: null,
    template: null,
  });
});

test('what belongs to payments and taxes is read and dropped', () => {
  const both =
    'source=tok_1&validate=true&cash_balance[settings][reconciliation_mode]=manual&tax[ip_address]=1.1.1.1';
  assert.deepEqual(
    after(`${both}&tax[validate_location]=auto&default_source=card_1&card[cvc]=1`),
    ALICE,
  );
  const created = parseNewCustomer(
    parseForm(
      `${both}&tax[validate_location]=deferred&payment_method=pm_1&tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=1`,
    ),
  );
  assert.deepEqual(created, { ...NOBODY, id: undefined, testClock: null });
});

test('what is malformed is refused by its path', () => {
  const settings = 'invoice_settings';
  const five = Array.from({ length: 5 }, (_, n) => `${settings}[custom_fields][${n}][name]=a`);
  for (const [form, reason, param] of [
    ['address=x', 'parameter_invalid', 'address'],
    ['address[town]=x', 'parameter_unknown', 'address[town]'],
    [`address[city]=${'x'.repeat(5001)}`, 'parameter_invalid', 'address[city]'],
    ['balance=1.5', 'parameter_invalid_integer', 'balance'],
    ['balance=', 'parameter_invalid_empty', 'balance'],
    [`business_name=${'x'.repeat(151)}`, 'parameter_invalid', 'business_name'],
    ['email=nowhere', 'email_invalid', 'email'],
    ['email=a b@c', 'email_invalid', 'email'],
    ['invoice_prefix=ab', 'parameter_invalid', 'invoice_prefix'],
    ['invoice_prefix=', 'parameter_invalid_empty', 'invoice_prefix'],
    ['next_invoice_sequence=0', 'parameter_invalid_integer', 'next_invoice_sequence'],
    ['preferred_locales=cs', 'parameter_invalid', 'preferred_locales'],
    ['shipping[name]=N', 'parameter_missing', 'shipping[address]'],
    ['shipping[address][city]=x', 'parameter_missing', 'shipping[name]'],
    ['tax_exempt=maybe', 'parameter_invalid', 'tax_exempt'],
    ['tax[validate_location]=x', 'parameter_invalid', 'tax[validate_location]'],
    [
      `${settings}[custom_fields][0][name]=a`,
      'parameter_missing',
      `${settings}[custom_fields][0][value]`,
    ],
    [`${settings}[custom_fields][0][x]=a`, 'parameter_unknown', `${settings}[custom_fields][0][x]`],
    [`${settings}[custom_fields][0]=a`, 'parameter_invalid', `${settings}[custom_fields][0]`],
    [five.join('&'), 'parameter_invalid', `${settings}[custom_fields]`],
    [
      `${settings}[rendering_options][amount_tax_display]=x`,
      'parameter_invalid',
      `${settings}[rendering_options][amount_tax_display]`,
    ],
    ['test_clock=clock_1', 'parameter_unknown', 'test_clock'],
    ['payment_method=pm_1', 'parameter_unknown', 'payment_method'],
    ['id=x', 'parameter_unknown', 'id'],
  ] as const) {
    assert.throws(() => after(form), refusal(reason, param), form);
  }
  assert.throws(
    () => parseNewCustomer(parseForm('tax_id_data[0][type]=eu_vat')),
    refusal('parameter_missing', 'tax_id_data[0][value]'),
  );
});

test('a profile has a bound as a whole', () => {
  const long = (name: string): string => `address[${name}]=${'x'.repeat(5000)}`;
  const most = ['city', 'country', 'line1'].map(long).join('&');
  assert.equal(billingAfter(most).address?.city?.length, 5000);
  assert.throws(() => billingAfter(`${most}&${long('line2')}`), /20000 characters/u);
});
