/** What the calls for customers share: finding one, and showing it as the request wants. */
import type { Customers } from '../../catalog/catalog.ts';
import { withSpaces } from '../../domain/customers/customer-id.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import { ApiError } from '../../domain/errors.ts';
import { type ApiRequest, pathId } from '../route.ts';
import { toList, type Form } from '../read/form.ts';
import { expanded } from '../read/params.ts';
import { EXPANDABLE, presentCustomer } from './present-customer.ts';

/**
 * Shows customers as the request wants them; `prefix` stands before what a list expands. Throws for what cannot be
 * expanded. Below what can be, any path may be named: there is nothing there.
 */
export function customerPresenter(
  form: Form,
  prefix = '',
  besides: readonly string[] = [],
): (customer: Customer) => object {
  const sent = form.get('expand');
  const paths = sent === undefined || typeof sent === 'string' ? [] : (toList(sent) ?? []);
  const isBelow = (path: string): boolean =>
    EXPANDABLE.some((each) => path.startsWith(`${prefix}${each}.`));
  const below = paths.filter((path) => typeof path === 'string').filter(isBelow);
  const named = expanded(form, [...besides, ...EXPANDABLE.map((each) => prefix + each), ...below]);
  const isNamed = (each: string): boolean =>
    [...named].some((path) => `${path}.`.startsWith(`${prefix}${each}.`));
  const expand = new Set(EXPANDABLE.filter(isNamed));
  return (customer) => presentCustomer(customer, expand);
}

/** The id of the customer that the URL means, whether or not there is one. */
export async function customerId(
  customers: Pick<Customers, 'find'>,
  request: ApiRequest,
): Promise<string> {
  const id = pathId(request);
  const spaced = withSpaces(id);
  if (spaced === undefined || (await customers.find(request.namespace, id)) !== undefined)
    return id;
  return (await customers.find(request.namespace, spaced)) === undefined ? id : spaced;
}

/** Finds deleted customers too. */
export async function getCustomer(
  customers: Pick<Customers, 'find'>,
  request: ApiRequest,
): Promise<Customer> {
  const id = await customerId(customers, request);
  return (await customers.find(request.namespace, id)) ?? noSuchCustomer(id);
}

export function noSuchCustomer(id: string): never {
  throw new ApiError('resource_missing', `No such customer: '${id}'`, 'id');
}
