import { toSeconds } from '../../domain/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import { newCustomerId, newInvoicePrefix } from '../../lib/ids.ts';
import { announceCustomer } from '../events/announce.ts';
import { remember, type ApiRequest, type Route } from '../route.ts';
import { parseNewCustomer } from './customer-params.ts';
import { customerPresenter } from './customers.ts';

/** POST /v1/customers. With `id`, which is ours, a customer that the caller knows by an id of its own. */
export function createCustomer({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'POST',
    path: '/v1/customers',
    scope: 'customers.write',
    handle: async (request) => {
      const customer = parse(request);
      const present = customerPresenter(request.form);
      await customers.create(
        customer,
        remember(request, present),
        announceCustomer(request, 'created'),
      );
      return present(customer);
    },
  };
}

function parse({ form, namespace, receivedAtMs }: ApiRequest): Customer {
  const { id, billing, ...fields } = parseNewCustomer(form);
  // Of an id of ours, its end serves.
  const invoicePrefix = billing.invoicePrefix ?? (id === undefined ? null : newInvoicePrefix());
  return {
    ...fields,
    id: id ?? newCustomerId(),
    namespace,
    createdS: toSeconds(receivedAtMs),
    billing: invoicePrefix === null ? billing : { ...billing, invoicePrefix },
    deleted: false,
  };
}
