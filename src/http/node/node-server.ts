import { createServer, type RequestListener, type Server } from 'node:http';
import type { ConnectionLimits } from '../connections.ts';

/** node:http's server with our limits, every request of which goes to `respond`. */
export function createNodeServer(limits: ConnectionLimits, respond: RequestListener): Server {
  const server = createServer(
    {
      keepAliveTimeout: limits.keepAliveMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Ours says so in the envelope.
      requireHostHeader: false,
    },
    respond,
  );
  server.timeout = limits.stalledTimeoutMs;
  // Node would leave out what comes after the 2000th, and say nothing; all of them are bounded by their bytes.
  server.maxHeadersCount = 0;
  // Of what a client expects, only 100-continue is known; the rest may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', respond);
  return server;
}
