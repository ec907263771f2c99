import type { Catalog } from '../../catalog/catalog.ts';
import { toSeconds } from '../../clock.ts';
import type { Customer } from '../../customers/customer.ts';
import { newCustomerId } from '../../ids.ts';
import { remember, type Route } from '../api.ts';
import { parseCustomerFields } from '../customer-params.ts';
import { presentCustomer } from '../present.ts';

const NOTHING_SET = {
  name: null,
  email: null,
  description: null,
  phone: null,
  metadata: new Map(),
};

/** POST /v1/customers */
export function createCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'POST',
    path: '/v1/customers',
    scope: 'customers.write',
    handle: async (request) => {
      const customer: Customer = {
        id: newCustomerId(),
        namespace: request.namespace,
        createdS: toSeconds(request.receivedAtMs),
        ...parseCustomerFields(request.form)(NOTHING_SET),
        deleted: false,
      };
      await customers.create(customer, remember(request, presentCustomer));
      return presentCustomer(customer);
    },
  };
}
