import { Worker } from 'node:worker_threads';
import type { Call, Calls, Reply } from './compaction-worker.ts';

type Waiting = { resolve: (value: unknown) => void; reject: (reason: unknown) => void };

/** Calls into the worker and their answers. The thread is there from the first call until `stop`. */
export class Thread {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    this.#worker ??= this.#start();
    const id = ++this.#lastId;
    const answer = new Promise<ReturnType<Calls[Name]>>((resolve, reject) => {
      // The worker answers each call with what its own function returned.
      this.#waiting.set(id, {
        resolve: (value) => resolve(value as ReturnType<Calls[Name]>),
        reject,
      });
    });
    this.#worker.postMessage({ id, name, args } satisfies Call);
    return answer;
  }

  /**
   * Ends the thread, in the middle of what it does; who waits for that is refused. A later call starts another
   * one. A thread that has nothing to do holds on to the memory of the tables that it has written.
   */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#end(worker, new Error('The thread that writes runs was stopped.'));
    await worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./compaction-worker.ts', import.meta.url));
    worker.on('message', (reply: Reply) => this.#settle(reply));
    worker.on('error', (error) => this.#end(worker, error));
    worker.on('exit', () => this.#end(worker, new Error('The thread that writes runs has ended.')));
    return worker;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(reply.error);
    else waiting?.resolve(reply.value);
  }

  #end(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
