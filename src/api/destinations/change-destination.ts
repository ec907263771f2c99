import type { Destinations } from '../../catalog/core-events.ts';
import type { Destination } from '../../domain/core-events/destination.ts';
import { type ApiRequest, pathId, remember } from '../route.ts';
import { noSuchDestination } from './destination-params.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentEventDestination, type Included } from './present-destination.ts';

/** A v2 call that takes no parameters, and answers the destination as it is afterwards. */
export async function changeDestination(
  destinations: Destinations,
  request: ApiRequest,
  change: (destination: Destination) => Destination,
): Promise<object> {
  refuseUnknown(request.form, {});
  return await changeDestinationAs(destinations, request, change, {});
}

export async function changeDestinationAs(
  destinations: Destinations,
  request: ApiRequest,
  change: (destination: Destination) => Destination,
  included: Included,
): Promise<object> {
  const id = pathId(request);
  const present = (changed: Destination): object => presentEventDestination(changed, included);
  const { namespace } = request;
  const changed = await destinations.change(namespace, id, change, remember(request, present));
  return present(changed ?? noSuchDestination(id));
}
