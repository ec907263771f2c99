import type { Scope } from '../../domain/key.ts';
import { refuseBeyondScopes } from './access.ts';
import type { ApiRequest } from '../route.ts';

/**
 * The change that an update makes, which is answered with the whole object, as at Stripe. One that changes nothing only
 * reads, so it asks the key for the scope of reading.
 */
export function orRead<T>(
  { key }: Pick<ApiRequest, 'key'>,
  scope: Scope,
  change: (current: T) => T,
): (current: T) => T {
  return (current) => {
    const changed = change(current);
    if (changed === current) refuseBeyondScopes(key, scope);
    return changed;
  };
}
