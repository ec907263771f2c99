/**
 * What Stripe publishes of its v1 objects (its OpenAPI document), to hold our answers against. A copy lies beside the
 * repository, or where STRIPE_OPENAPI says; it is not ours to keep here.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { REPO } from './server.ts';

const FILE =
  process.env['STRIPE_OPENAPI'] ?? join(REPO, '../shared/data/stripe-openapi-metering.json');

/** Where our answers go beyond Stripe's schema on purpose: more values of an enumeration. */
const BEYOND = [
  {
    schema: 'thresholds_resource_usage_threshold_config',
    property: 'recurrence',
    values: ['monthly', 'daily'],
    reason: 'alerts that come back are ours; SDKs read any text there',
  },
] as const;

type Properties = Readonly<Record<string, { readonly enum: string[] }>>;
type Json = Readonly<Record<string, unknown>>;
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
};

export class StripeSchema {
  readonly #document: Document;
  readonly #ajv = new Ajv({
    strict: false,
    allErrors: true,
    verbose: true,
    validateFormats: false,
  });
  readonly #compiled = new Map<string, ValidateFunction>();

  private constructor(document: Document) {
    this.#document = document;
    this.#ajv.addSchema({ components: toJsonSchema(document.components) }, 'stripe');
  }

  /** The reason why there is none, where the file is not there. */
  static load(): StripeSchema | string {
    if (!existsSync(FILE)) return `Stripe's OpenAPI document is not at ${FILE}`;
    const document = JSON.parse(readFileSync(FILE, 'utf8')) as Document;
    for (const { schema, property, values } of BEYOND) {
      const known = document.components.schemas[schema]?.['properties'] as Properties;
      known[property]?.enum.push(...values);
    }
    return new StripeSchema(document);
  }

  /** What is wrong with an answer of this call; undefined for a call that is not in the document. */
  wrongWith(
    method: string,
    path: string,
    { status, text }: { readonly status: number; readonly text: string },
  ): readonly string[] | undefined {
    const template = this.#templateOf(path);
    const operation = template && this.#document.paths[template]?.[method.toLowerCase()];
    if (operation === undefined) return undefined;
    const { responses } = operation as { readonly responses: Readonly<Record<string, unknown>> };
    const response = responses[status === 200 ? '200' : 'default'] as {
      readonly content: { readonly 'application/json': { readonly schema: Json } };
    };
    const { schema } = response.content['application/json'];
    const name = `${method} ${template} ${status === 200 ? '200' : 'default'}`;
    return this.#check(name, schema, JSON.parse(text));
  }

  /** What is wrong with an object of one of the document's names; undefined when it has no such name. */
  wrongWithObject(name: string, value: unknown): readonly string[] | undefined {
    if (this.#document.components.schemas[name] === undefined) return undefined;
    return this.#check(name, { $ref: `#/components/schemas/${name}` }, value);
  }

  #check(name: string, schema: Json, value: unknown): readonly string[] {
    let validate = this.#compiled.get(name);
    validate ??= this.#ajv.compile(toJsonSchema(schema) as object);
    this.#compiled.set(name, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, data }) => `${instancePath} ${message}: ${shown(data)}`,
    );
  }

  /** The one with the most parts that are no parameters. */
  #templateOf(path: string): string | undefined {
    const [found] = Object.keys(this.#document.paths)
      .filter((template) => matches(template, path))
      .toSorted((one, other) => parameters(one) - parameters(other));
    return found;
  }
}

function matches(template: string, path: string): boolean {
  const parts = template.split('/');
  const sent = path.split('?')[0]?.split('/') ?? [];
  return (
    parts.length === sent.length &&
    parts.every((part, index) => part.startsWith('{') || part === sent[index])
  );
}

function parameters(template: string): number {
  return template.split('{').length;
}

/** OpenAPI 3.0 has a `nullable`, and refers to itself; JSON Schema knows neither. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, ...rest } = schema as Json;
  const converted = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      name === '$ref' && typeof value === 'string' ? `stripe${value}` : toJsonSchema(value),
    ]),
  );
  return nullable === true ? { anyOf: [converted, { type: 'null' }] } : converted;
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}

/** Numbers with a fraction that a schema of Stripe's has. */
const FRACTIONS: ReadonlySet<string> = new Set(['aggregated_value']);
const INT64_MAX = 2n ** 63n - 1n;

/** The numbers of a JSON text that a client which reads whole numbers of 64 bits could not read. */
export function unreadableNumbers(text: string): readonly string[] {
  const found: string[] = [];
  JSON.parse(text, (name, value: unknown, { source }: { source?: string }) => {
    if (typeof value !== 'number' || FRACTIONS.has(name)) return value;
    assert.ok(source !== undefined);
    const isWhole = /^-?\d+$/u.test(source);
    if (!isWhole || BigInt(source) > INT64_MAX || BigInt(source) < -INT64_MAX - 1n) {
      found.push(`${name}: ${source}`);
    }
    return value;
  });
  return found;
}
