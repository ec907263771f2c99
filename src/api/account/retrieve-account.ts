import type { Catalog } from '../../catalog/catalog.ts';
import { accountOf } from '../../domain/namespace.ts';
import { type ApiRequest, pathId, type Route } from '../route.ts';
import { otherAccount } from '../access/auth.ts';
import { expanded, refuseUnknown } from '../read/params.ts';
import { presentAccount } from './present-account.ts';

type Parts = { readonly keys: Pick<Catalog['keys'], 'accountCreatedMs'> };

/** GET /v1/account: the account of the key. Setup scripts try their key by it, so any key may ask. */
export function retrieveCurrentAccount({ keys }: Parts): Route {
  return {
    method: 'GET',
    path: '/v1/account',
    scope: 'any',
    handle: (request) => answer(keys, request),
  };
}

/** GET /v1/accounts/{id}: the same, by its id. There are no other accounts for a key. */
export function retrieveAccount({ keys }: Parts): Route {
  return {
    method: 'GET',
    path: '/v1/accounts/:id',
    scope: 'any',
    handle: (request) => {
      const id = pathId(request);
      if (id !== accountOf(request.namespace)) throw otherAccount(id, request.key);
      return answer(keys, request);
    },
  };
}

function answer(keys: Parts['keys'], { form, namespace }: ApiRequest): object {
  refuseUnknown(form, { expand: true });
  expanded(form, ['settings.branding.icon', 'settings.branding.logo']);
  return presentAccount(namespace, keys.accountCreatedMs(accountOf(namespace)) ?? 0);
}
