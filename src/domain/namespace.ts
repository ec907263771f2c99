/**
 * A namespace is one account in one mode: a world of its own (promise P7). Every stored row, every
 * look-up and every identifier carries it. Written `acct_…/live` or `acct_…/test`, so that a person who
 * reads the tables can tell them apart.
 */
export type Mode = 'live' | 'test';
export type Namespace = `${string}/${Mode}`;

export function toNamespace(account: string, mode: Mode): Namespace {
  return `${account}/${mode}`;
}

export function isLive(namespace: Namespace): boolean {
  return namespace.endsWith('/live');
}

export function modeOf(namespace: Namespace): Mode {
  return isLive(namespace) ? 'live' : 'test';
}

/** The account's id, `acct_…`. */
export function accountOf(namespace: Namespace): string {
  return namespace.slice(0, namespace.lastIndexOf('/'));
}
