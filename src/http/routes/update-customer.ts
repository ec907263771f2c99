import type { Catalog } from '../../catalog/catalog.ts';
import { remember, type Route } from '../api.ts';
import { parseCustomerFields } from '../customer-params.ts';
import { presentCustomer } from '../present.ts';
import { noSuchCustomer, pathId } from '../resources.ts';

/** POST /v1/customers/{id} */
export function updateCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'POST',
    path: '/v1/customers/:id',
    scope: 'customers.write',
    handle: async (request) => {
      const id = pathId(request);
      const apply = parseCustomerFields(request.form);
      const customer = await customers.change(
        request.namespace,
        id,
        (current) => ({ ...current, ...apply(current) }),
        remember(request, presentCustomer),
      );
      return presentCustomer(customer ?? noSuchCustomer(id));
    },
  };
}
