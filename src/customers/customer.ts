import type { Namespace } from '../namespace.ts';

/** A registered customer: the fields that Stripe's metering quickstarts use. Empty text on the wire unsets a field. */
export type Customer = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly createdS: number;
  readonly name: string | null;
  readonly email: string | null;
  readonly description: string | null;
  readonly phone: string | null;
  readonly metadata: ReadonlyMap<string, string>;
  /** Deleted customers keep their id and nothing else that the API shows. */
  readonly deleted: boolean;
};

/** A deleted customer: the id stays, so that usage stays explainable; the personal data goes. */
export function erase(customer: Customer): Customer {
  return {
    ...customer,
    name: null,
    email: null,
    description: null,
    phone: null,
    metadata: new Map(),
    deleted: true,
  };
}
