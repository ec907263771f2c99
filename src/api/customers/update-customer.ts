import type { Catalog } from '../../catalog/catalog.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import { announceCustomer } from '../events/announce.ts';
import { remember, type Route } from '../route.ts';
import { parseCustomerChanges } from './customer-params.ts';
import { customerId, customerPresenter, noSuchCustomer } from './customers.ts';
import { orRead } from '../access/or-read.ts';
import { presentCustomer } from './present-customer.ts';

/** POST /v1/customers/{id}. A change that shows no difference is none, and has no event. */
export function updateCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'POST',
    path: '/v1/customers/:id',
    scope: 'customers.write',
    handle: async (request) => {
      const apply = parseCustomerChanges(request.form);
      const present = customerPresenter(request.form);
      const id = await customerId(customers, request);
      const customer = await customers.change(
        request.namespace,
        id,
        orRead(request, 'customers.read', (current) => {
          const changed = { ...current, ...apply(current) };
          return isSame(current, changed) ? current : changed;
        }),
        remember(request, present),
        announceCustomer(request, 'updated'),
      );
      return present(customer ?? noSuchCustomer(id));
    },
  };
}

function isSame(before: Customer, after: Customer): boolean {
  return JSON.stringify(presentCustomer(before)) === JSON.stringify(presentCustomer(after));
}
