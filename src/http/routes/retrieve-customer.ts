import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../api.ts';
import { refuseExpand, refuseUnknown } from '../params.ts';
import { presentCustomer } from '../present.ts';
import { getCustomer } from '../resources.ts';

/** GET /v1/customers/{id}: a deleted customer is answered as `deleted: true`. */
export function retrieveCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'GET',
    path: '/v1/customers/:id',
    scope: 'customers.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      refuseExpand(request.form);
      return presentCustomer(await getCustomer(customers, request));
    },
  };
}
