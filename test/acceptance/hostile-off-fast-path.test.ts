/** The suites of hostile input once more, with node:http as the only reader of requests: their verdicts are the same. */
import { everyServer } from '../support/server.ts';

everyServer.args = ['--http-fast-path', 'off'];
await import('./hostile-http.test.ts');
await import('./hostile-bodies.test.ts');
await import('./stream-hostile.test.ts');
await import('./compressed-bodies.test.ts');
