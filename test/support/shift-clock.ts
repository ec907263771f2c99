/**
 * Preloaded into a child with `--import`: moves its clock by CLOCK_SHIFT_S seconds, so that a test can look
 * at a folder a day or a month later. Threads of the child load it too.
 */
const shiftMs = Number(process.env['CLOCK_SHIFT_S'] ?? '0') * 1000;
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct(target, args: [] | [number]) {
    return args.length === 0 ? new target(target.now() + shiftMs) : new target(...args);
  },
  get(target, name, receiver) {
    if (name === 'now') return () => target.now() + shiftMs;
    return Reflect.get(target, name, receiver) as unknown;
  },
});
