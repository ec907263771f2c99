/** The target of a request, as its route, its answer's shape and a retry's identity know it. */
export type Target = {
  readonly path: string;
  /** Without the `?`; '' when there is none. */
  readonly query: string;
};

/** What comes before the path of an absolute-form target. Only these schemes name something that is served here. */
const ORIGIN = /^https?:\/\/[^/?#]*/iu;
/** What comes of a base URL that ends in a slash. */
const DOUBLED = /^\/\/(?=v[12]\/)/u;

/**
 * Reads a request target so that every spelling of it is one: the absolute-form, which a server must take (RFC 9112, section
 * 3.2.2), is the origin-form without its authority, which stands for nothing here; and `//v1/…` is `/v1/…`. Of the
 * API's paths alone: what a proxy refuses by the name `/metrics` is not to be had as `//metrics`.
 */
export function readTarget(url: string): Target {
  const target = isPlain(url) ? url : url.replace(ORIGIN, '').replace(DOUBLED, '/');
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  return {
    path: path === '' ? '/' : path,
    query: question === -1 ? '' : target.slice(question + 1),
  };
}

/** `/x…`, as nearly all are. */
function isPlain(url: string): boolean {
  return url.startsWith('/') && !url.startsWith('//');
}
