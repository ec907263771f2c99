import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { customerPresenter, getCustomer } from './customers.ts';
import { refuseUnknown } from '../read/params.ts';

/** GET /v1/customers/{id}: a deleted customer is answered as `deleted: true`. */
export function retrieveCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'GET',
    path: '/v1/customers/:id',
    scope: 'customers.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      const present = customerPresenter(request.form);
      return present(await getCustomer(customers, request));
    },
  };
}
