import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { TEXT_MAX } from './customer-texts.ts';
import { customerPresenter } from './customers.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import { refuseUnknown, text, timeRange, TIME_RANGE_SHAPE, type Shape } from '../read/params.ts';
import { presentList } from '../present/list.ts';

const PATH = '/v1/customers';

const SHAPE: Shape = { ...PAGE_SHAPE, created: TIME_RANGE_SHAPE, email: true, test_clock: true };

/** GET /v1/customers: newest first, without the deleted ones. */
export function listCustomers({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'customers.read',
    handle: async ({ form, namespace, caller }) => {
      refuseUnknown(form, SHAPE);
      const present = customerPresenter(form, 'data.');
      const created = timeRange(form, 'created');
      const page = { ...parsePage(form), caller };
      const { data, hasMore } = await customers.list(namespace, page, {
        email: text(form, 'email', 512),
        testClock: text(form, 'test_clock', TEXT_MAX),
        createdS: created && { from: created.fromMs / 1000, to: created.toMs / 1000 },
      });
      return presentList(PATH, page, data.map(present), hasMore);
    },
  };
}
