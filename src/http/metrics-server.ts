import { createServer } from 'node:http';
import { NodeHttpCall } from './http-call.ts';
import { listen } from './listen.ts';
import { sendPage, toFailurePage, type Page } from './operator-pages.ts';

/** `/metrics` on a port of its own, for who lets strangers reach the API's. */
export class MetricsServer {
  readonly #server;

  constructor(metrics: () => Promise<Page>) {
    this.#server = createServer((request, response) => {
      const call = new NodeHttpCall(request, response);
      if (call.url === '/metrics') {
        void metrics()
          .catch(toFailurePage)
          .then((page) => sendPage(call, page));
      } else sendPage(call, { status: 404, type: 'text/plain', body: 'See /metrics.\n' });
    });
  }

  /** Answers the port. Throws StartupError when the address cannot be had. */
  async listen(port: number, host: string): Promise<number> {
    return await listen(this.#server, port, host);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
