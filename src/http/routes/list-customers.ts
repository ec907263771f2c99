import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../api.ts';
import { PAGE_SHAPE, parsePage } from '../pages.ts';
import { refuseExpand, refuseUnknown, text } from '../params.ts';
import { presentCustomer, presentList } from '../present.ts';

const PATH = '/v1/customers';

/** GET /v1/customers: newest first, without the deleted ones. */
export function listCustomers({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'customers.read',
    handle: async ({ form, namespace }) => {
      refuseUnknown(form, { ...PAGE_SHAPE, email: true });
      refuseExpand(form);
      const email = text(form, 'email', 512);
      const { data, hasMore } = await customers.list(namespace, parsePage(form), email);
      return presentList(PATH, data.map(presentCustomer), hasMore);
    },
  };
}
