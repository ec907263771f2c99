/**
 * What every catalog must pass, whatever it stores its rows in: each promise of `catalog.ts`, through
 * its interface only.
 */
import { suite, type TestContext } from 'node:test';
import { alertsContract } from './contract/alerts.ts';
import { answersContract } from './contract/answers.ts';
import { coreEventsContract } from './contract/core-events.ts';
import { copiesContract } from './contract/copies.ts';
import { customerSearchContract } from './contract/customer-search.ts';
import { customersContract } from './contract/customers.ts';
import { deliveriesContract } from './contract/deliveries.ts';
import { destinationsContract } from './contract/destinations.ts';
import { errorReportsContract } from './contract/error-reports.ts';
import { eventNamesContract } from './contract/event-names.ts';
import { keysContract } from './contract/keys.ts';
import { listsContract } from './contract/lists.ts';
import { longListsContract } from './contract/long-lists.ts';
import { metersContract } from './contract/meters.ts';
import { sessionsContract } from './contract/sessions.ts';
import type { CatalogUnderTest } from './contract/subject.ts';

/** Runs the suites on a catalog; `open` gives a new, empty one each time. */
export function catalogContract(name: string, open: () => Promise<CatalogUnderTest>): void {
  const start = async (t: TestContext): Promise<CatalogUnderTest> => {
    const subject = await open();
    t.after(async () => await subject.dispose());
    return subject;
  };
  suite(`${name}: meters`, () => metersContract(start));
  suite(`${name}: event names`, () => eventNamesContract(start));
  suite(`${name}: customers`, () => customersContract(start));
  suite(`${name}: customers, searched`, () => customerSearchContract(start));
  suite(`${name}: lists`, () => listsContract(start));
  suite(`${name}: long lists`, () => longListsContract(start));
  suite(`${name}: answers`, () => answersContract(start));
  suite(`${name}: keys`, () => keysContract(start));
  suite(`${name}: alerts`, () => alertsContract(start));
  suite(`${name}: error reports`, () => errorReportsContract(start));
  suite(`${name}: sessions`, () => sessionsContract(start));
  suite(`${name}: core events`, () => coreEventsContract(start));
  suite(`${name}: destinations`, () => destinationsContract(start));
  suite(`${name}: deliveries`, () => deliveriesContract(start));
  suite(`${name}: copies`, () => copiesContract(start));
}
