import type { Catalog } from '../../catalog/catalog.ts';
import { erase } from '../../domain/customers/customer.ts';
import { announceCustomer } from '../events/announce.ts';
import { remember, type Route } from '../route.ts';
import { customerId, noSuchCustomer } from './customers.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentCustomer } from './present-customer.ts';

/** DELETE /v1/customers/{id}: the usage stays, the personal data goes. */
export function deleteCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'DELETE',
    path: '/v1/customers/:id',
    scope: 'customers.write',
    handle: async (request) => {
      refuseUnknown(request.form, {});
      const id = await customerId(customers, request);
      const customer = await customers.change(
        request.namespace,
        id,
        erase,
        remember(request, (deleted) => presentCustomer(deleted)),
        announceCustomer(request, 'deleted'),
      );
      return presentCustomer(customer ?? noSuchCustomer(id));
    },
  };
}
