/**
 * Requests whose bounds could be seen in two ways, each with another behind it, and what a Taximeter makes of them. The
 * kinds are those that parsers have been caught by: published test data of llhttp (Node's parser) and of others was read
 * for its ideas, RFC 9112 for the verdicts.
 *
 * Placeholders for identifiers are as long as what they stand for, so that lengths hold: see `fill`.
 */
import { TEST_KEY } from './server.ts';

export const EVENT_NAME = 'framing';
/** `first` is what a case is about, `next` comes behind it, `canary` is only ever within a body. */
const IDS = { first: 'FIRST_ID', next: 'NEXT_ID_', canary: 'CANARYID' } as const;
export type Role = keyof typeof IDS;
export type Ids = Readonly<Record<Role, string>>;

/** Eight characters, of a case by its number and of a run of all cases by its letter. */
export function idsOf(run: string, number: number): Ids {
  const id = (role: Role): string => `${run}${role.charAt(0)}${String(number).padStart(6, '0')}`;
  return { first: id('first'), next: id('next'), canary: id('canary') };
}

export function fill(text: string, ids: Ids): string {
  return text
    .replaceAll(IDS.first, ids.first)
    .replaceAll(IDS.next, ids.next)
    .replaceAll(IDS.canary, ids.canary);
}

const body = (id: string): string =>
  `event_name=${EVENT_NAME}&payload[stripe_customer_id]=c&payload[value]=1&identifier=${id}`;
const BODY = body(IDS.first);
const LEN = BODY.length;
const HEX = LEN.toString(16);

const LINE = 'POST /v1/billing/meter_events HTTP/1.1\r\n';
/** A proxy under test logs `X-Id` of what it takes for a request. */
const headers = (id: string): string =>
  `Authorization: Bearer ${TEST_KEY}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Id: ${id}\r\n`;
const HEADERS = `Host: x\r\n${headers(IDS.first)}`;
const HEAD = LINE + HEADERS;
const request = (id: string, more: string): string =>
  `${LINE}Host: x\r\n${headers(id)}${more}Content-Length: ${LEN}\r\n\r\n${body(id)}`;
const NEXT = request(IDS.next, 'Connection: close\r\n');
const CANARY = request(IDS.canary, '');
const LENGTH = `Content-Length: ${LEN}\r\n`;
const TE = 'Transfer-Encoding: chunked\r\n';
const CHUNKS = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`;
/** Of two readers, one that goes by the length takes the canary for the body, the other for a request. */
const CANARY_LENGTH = `Content-Length: ${CANARY.length + 5}\r\n`;
const NO_CHUNKS_THEN_CANARY = `0\r\n\r\n${CANARY}`;

/** `first`, `next`: it was carried out; `malformed`: refused as no request, and closed; a number: refused by the API. */
export type Case = { readonly sends: string; readonly verdict: string };
type Table = Readonly<Record<string, readonly [sends: string, verdict: string]>>;

const BOTH = 'first next';
const REFUSED = 'malformed';

/** Header lines in place of the length; the body has it. */
function withLines(table: Readonly<Record<string, readonly [string, string]>>): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, [lines, verdict]]) => [
      name,
      [`${HEAD}${lines}\r\n${BODY}`, verdict],
    ]),
  );
}

const LENGTHS: Table = withLines({
  'a length': [LENGTH, BOTH],
  'a length, its name in mixed case': [`cOnTeNt-LeNgTh: ${LEN}\r\n`, BOTH],
  'a length with zeros before it': [`Content-Length: 000${LEN}\r\n`, BOTH],
  'a length with 30 zeros before it': [`Content-Length: ${'0'.repeat(30)}${LEN}\r\n`, BOTH],
  'a length without a blank': [`Content-Length:${LEN}\r\n`, BOTH],
  'a length between blanks': [`Content-Length:   ${LEN}   \r\n`, BOTH],
  'a length between tabs': [`Content-Length:\t${LEN}\t\r\n`, BOTH],
  'no digits': ['Content-Length: \r\n', REFUSED],
  'two numbers': [`Content-Length: ${LEN} ${LEN}\r\n`, REFUSED],
  'a number cut by a blank': ['Content-Length: 8 5\r\n', REFUSED],
  'a number, then letters': [`Content-Length: ${LEN}abc\r\n`, REFUSED],
  'a list of numbers': [`Content-Length: ${LEN}, ${LEN}\r\n`, REFUSED],
  'a list that ends in a comma': [`Content-Length: ${LEN},\r\n`, REFUSED],
  'a parameter': [`Content-Length: ${LEN};a=b\r\n`, REFUSED],
  'in quotes': [`Content-Length: "${LEN}"\r\n`, REFUSED],
  'with decimals': [`Content-Length: ${LEN}.0\r\n`, REFUSED],
  'with an exponent': [`Content-Length: ${LEN}e0\r\n`, REFUSED],
  'with an underscore': ['Content-Length: 8_5\r\n', REFUSED],
  'with a plus': [`Content-Length: +${LEN}\r\n`, REFUSED],
  'with a minus': [`Content-Length: -${LEN}\r\n`, REFUSED],
  'in hex': [`Content-Length: 0x${HEX}\r\n`, REFUSED],
  'in octal': [`Content-Length: 0o${LEN.toString(8)}\r\n`, REFUSED],
  'a superscript': [`Content-Length: ${LEN}\u00b2\r\n`, REFUSED],
  'a no-break space': [`Content-Length: \u00a0${LEN}\r\n`, REFUSED],
  'a vertical tab': [`Content-Length: \v${LEN}\r\n`, REFUSED],
  'a form feed behind it': [`Content-Length: ${LEN}\f\r\n`, REFUSED],
  'a NUL behind it': [`Content-Length: ${LEN}\0\r\n`, REFUSED],
  '2^64 more': [`Content-Length: ${2n ** 64n + BigInt(LEN)}\r\n`, REFUSED],
  '2^128 more': [`Content-Length: ${2n ** 128n + BigInt(LEN)}\r\n`, REFUSED],
  'the same twice': [LENGTH + LENGTH, REFUSED],
  'the same twice, in mixed case': [`${LENGTH}content-LENGTH: ${LEN}\r\n`, REFUSED],
  'first the right one': [`${LENGTH}X-A: b\r\nContent-Length: 0\r\n`, REFUSED],
  'first the wrong one': [`Content-Length: 0\r\n${LENGTH}`, REFUSED],
  'an empty one, then the right one': [`Content-Length:\r\n${LENGTH}`, REFUSED],
  'one that only looks like it': [`Content_Length: 0\r\n${LENGTH}`, BOTH],
  'one that only begins like it': [`Content-Length-X: 0\r\n${LENGTH}`, BOTH],
  'in a value': [`X-A: Content-Length: 0\r\n${LENGTH}`, BOTH],
  'a blank before the colon': [`Content-Length : ${LEN}\r\n`, REFUSED],
  'a tab before the colon': [`Content-Length\t: ${LEN}\r\n`, REFUSED],
  'a CR for the dash': [`Content\rLength: ${LEN}\r\n`, REFUSED],
  'no colon': [`Content-Length ${LEN}\r\n`, REFUSED],
  'on the next line': [`Content-Length:\r\n ${LEN}\r\n`, REFUSED],
  'as the next line of another': [`X-A: b\r\n ${LENGTH}`, REFUSED],
  'behind a bare LF': [`X-A: b\n${LENGTH}`, REFUSED],
  'behind a bare CR': [`X-A: b\r${LENGTH}`, REFUSED],
});

const BODIES: Table = {
  'a body that is a request': [
    `${HEAD}Content-Length: ${CANARY.length}\r\n\r\n${CANARY}`,
    '400 next',
  ],
  'a body that is a request, of a GET': [
    `GET /v1/customers HTTP/1.1\r\n${HEADERS}Content-Length: ${CANARY.length}\r\n\r\n${CANARY}`,
    '400 next',
  ],
  'chunks that are a request, of a GET': [
    `GET /v1/customers HTTP/1.1\r\n${HEADERS}${TE}\r\n${CANARY.length.toString(16)}\r\n${CANARY}\r\n0\r\n\r\n`,
    '400 next',
  ],
  'a body that is a request, of a DELETE': [
    `DELETE /v1/customers/c HTTP/1.1\r\n${HEADERS}Content-Length: ${CANARY.length}\r\n\r\n${CANARY}`,
    '400 next',
  ],
  'no length: what follows is a request': [`${HEAD}\r\n`, '400 next'],
  'a length of nothing': [`${HEAD}Content-Length: 0\r\n\r\n`, '400 next'],
  'a chunk that is a request': [
    `${HEAD}${TE}\r\n${CANARY.length.toString(16)}\r\n${CANARY}\r\n0\r\n\r\n`,
    '400 next',
  ],
  'a CRLF too many behind the body': [`${HEAD}${LENGTH}\r\n${BODY}\r\n`, BOTH],
};

/** Behind `Transfer-Encoding:`, and the body in chunks. */
function withCodings(table: Readonly<Record<string, readonly [string, string]>>): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, [value, verdict]]) => [
      name,
      [`${HEAD}Transfer-Encoding:${value}\r\n\r\n${CHUNKS}`, verdict],
    ]),
  );
}

const CODINGS: Table = {
  ...withCodings({
    chunked: [' chunked', BOTH],
    'chunked, in mixed case': [' cHuNkEd', BOTH],
    'chunked without a blank': ['chunked', BOTH],
    'chunked between blanks': ['   chunked  ', BOTH],
    'chunked behind a tab': ['\tchunked', BOTH],
    'chunked before a tab': [' chunked\t', REFUSED],
    'more than chunked': [' chunkedchunked', REFUSED],
    'an x before chunked': [' xchunked', REFUSED],
    'an x behind chunked': [' chunkedx', REFUSED],
    'chunked with a parameter': [' chunked;q=1', REFUSED],
    'chunked in quotes': [' "chunked"', REFUSED],
    'chunked, identity': [' chunked, identity', REFUSED],
    'identity, chunked': [' identity, chunked', REFUSED],
    'gzip, chunked': [' gzip, chunked', REFUSED],
    'chunked, gzip': [' chunked, gzip', REFUSED],
    'chunked, chunked': [' chunked, chunked', REFUSED],
    'a comma before chunked': [' , chunked', REFUSED],
    'a comma behind chunked': [' chunked,', REFUSED],
    'another coding': [' pigeons', REFUSED],
    'identity alone': [' identity', REFUSED],
    'no coding': ['', REFUSED],
    'a NUL in chunked': [' chun\0ked', REFUSED],
    'a vertical tab before chunked': [' \vchunked', REFUSED],
    'a vertical tab behind chunked': [' chunked\v', REFUSED],
    'a no-break space before chunked': [' \u00a0chunked', REFUSED],
    'chunked on the next line': ['\r\n chunked', REFUSED],
    'chunked behind a bare LF': ['\n chunked', REFUSED],
    'chunked twice': [' chunked\r\nTransfer-Encoding: chunked', REFUSED],
    'chunked and identity': [' chunked\r\nTransfer-Encoding: identity', REFUSED],
    'identity and chunked': [' identity\r\nTransfer-Encoding: chunked', REFUSED],
    'chunked, and a line that goes on': [' chunked\r\n  x', REFUSED],
  }),
  'chunks and a length': [`${HEAD}${TE}${CANARY_LENGTH}\r\n${NO_CHUNKS_THEN_CANARY}`, REFUSED],
  'a length and chunks': [`${HEAD}${CANARY_LENGTH}${TE}\r\n${NO_CHUNKS_THEN_CANARY}`, REFUSED],
  'a length, and chunks before HTTP/1.1': [
    `${HEAD.replace('1.1', '1.0')}Connection: keep-alive\r\n${CANARY_LENGTH}${TE}\r\n${NO_CHUNKS_THEN_CANARY}`,
    REFUSED,
  ],
  'chunks in HTTP/1.0': [
    `${HEAD.replace('1.1', '1.0')}Connection: keep-alive\r\n${TE}\r\n${CHUNKS}`,
    REFUSED,
  ],
  'a length of nothing, and chunks': [`${HEAD}Content-Length: 0\r\n${TE}\r\n${CHUNKS}`, REFUSED],
  ...Object.fromEntries(
    [
      'Transfer-Encoding : chunked',
      'Transfer-Encoding\t: chunked',
      'Transfer-Encoding\v: chunked',
      'Transfer-Encoding\0: chunked',
      'Transfer-Encoding\n : chunked',
      'Transfer-Encoding\r\n : chunked',
      'X-A: b\n Transfer-Encoding: chunked',
      'X-A: b\r\n Transfer-Encoding: chunked',
      'X-A: b\r\n\tTransfer-Encoding: chunked',
      'X-A: b\nTransfer-Encoding: chunked',
      'X-A: b\rTransfer-Encoding: chunked',
      'X-A: \rTransfer-Encoding: chunked',
      'X-A:\nTransfer-Encoding: chunked',
      'X-A: b\0\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: chunked, x',
      'Transfer-Encoding: \u00ffchunked',
    ].map((line) => [
      `${JSON.stringify(line)} and a length`,
      [`${HEAD}${CANARY_LENGTH}${line}\r\n\r\n${NO_CHUNKS_THEN_CANARY}`, REFUSED] as const,
    ]),
  ),
  ...Object.fromEntries(
    [
      'Transfer_Encoding: chunked',
      'X-Transfer-Encoding: chunked',
      'TE: chunked',
      'Trailer: X-A',
    ].map((line) => [
      `${line}: the length counts`,
      [`${HEAD}${CANARY_LENGTH}${line}\r\n\r\n${NO_CHUNKS_THEN_CANARY}`, '400 next'] as const,
    ]),
  ),
};

/** Of which the body consists, behind `Transfer-Encoding: chunked`. */
function withChunks(table: Readonly<Record<string, readonly [string, string]>>): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, [chunks, verdict]]) => [
      name,
      [`${HEAD}${TE}\r\n${chunks}`, verdict],
    ]),
  );
}

const toChunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const data = (size: string, end = '\r\n'): string => `${size}${end}${BODY}${end}0${end}${end}`;
const CHUNK_LINES: Table = withChunks({
  'one chunk': [CHUNKS, BOTH],
  'a size in capitals': [data(HEX.toUpperCase()), BOTH],
  'many chunks': [
    `${BODY.split(/(?=[&=])/u)
      .map(toChunk)
      .join('')}0\r\n\r\n`,
    BOTH,
  ],
  'a size with zeros before it': [data(`000${HEX}`), BOTH],
  'three zeros at the end': [`${HEX}\r\n${BODY}\r\n000\r\n\r\n`, BOTH],
  'an extension': [data(`${HEX};a=b`), BOTH],
  'an extension without a value': [data(`${HEX};a`), BOTH],
  'many extensions': [data(`${HEX};a=b;c;d=e`), BOTH],
  'a quoted extension': [data(`${HEX};a="b"`), BOTH],
  'an extension at the end': [`${HEX}\r\n${BODY}\r\n0;a=b\r\n\r\n`, BOTH],
  'a trailer': [`${HEX}\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`, BOTH],
  'a length in a trailer': [`${HEX}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`, REFUSED],
  'a coding in a trailer': [`${HEX}\r\n${BODY}\r\n0\r\n${TE}\r\n`, REFUSED],
  'a host and a key in a trailer': [
    `${HEX}\r\n${BODY}\r\n0\r\nHost: y\r\nAuthorization: Bearer sk_test_other\r\n\r\n`,
    BOTH,
  ],
  'a folded trailer': [`${HEX}\r\n${BODY}\r\n0\r\nX-A: b\r\n c\r\n\r\n`, REFUSED],
  'a trailer that is no header': [`${HEX}\r\n${BODY}\r\n0\r\nGET / HTTP/1.1\r\n\r\n`, REFUSED],
  'a blank behind the size': [data(`${HEX} `), REFUSED],
  'a blank before the size': [data(` ${HEX}`), REFUSED],
  'a tab behind the size': [data(`${HEX}\t`), REFUSED],
  'a blank before an extension': [data(`${HEX} ;a=b`), REFUSED],
  'words behind the size': [data(`${HEX} abc`), REFUSED],
  'a semicolon and nothing': [data(`${HEX};`), REFUSED],
  'an open quote in an extension': [data(`${HEX};a="b`), REFUSED],
  'a bare LF in an extension': [data(`${HEX};a\nb`), REFUSED],
  'a bare CR in an extension': [data(`${HEX};a\rb`), REFUSED],
  'a bare CR behind the size': [data(`${HEX}\r;a`), REFUSED],
  'a NUL in an extension': [data(`${HEX};a\0`), REFUSED],
  'a size without digits': [data(''), REFUSED],
  'an extension without a size': [data(';a=b'), REFUSED],
  'a size with 0x': [data(`0x${HEX}`), REFUSED],
  'a size with a plus': [data(`+${HEX}`), REFUSED],
  'a size with a minus': [data(`-${HEX}`), REFUSED],
  'a size with an underscore': [data(`${HEX.charAt(0)}_${HEX.slice(1)}`), REFUSED],
  'a size that is no number': [data('g'), REFUSED],
  'a size of 2^64 more': [data(`1${HEX.padStart(16, '0')}`), REFUSED],
  'a size of 2^256 more': [data(`1${HEX.padStart(64, '0')}`), REFUSED],
  'lines that end in a bare LF': [data(HEX, '\n'), REFUSED],
  'lines that end in a bare CR': [data(HEX, '\r'), REFUSED],
  'a size line that ends in a bare LF': [`${HEX}\n${BODY}\r\n0\r\n\r\n`, REFUSED],
  'data that end in a bare LF': [`${HEX}\r\n${BODY}\n0\r\n\r\n`, REFUSED],
  'data that end in nothing': [`${HEX}\r\n${BODY}0\r\n\r\n`, REFUSED],
  'data of a byte more': [`${HEX}\r\n${BODY}x\r\n0\r\n\r\n`, REFUSED],
  'data of two bytes more': [`${HEX}\r\n${BODY}xx0\r\n\r\n`, REFUSED],
  'data of a byte less': [`${HEX}\r\n${BODY.slice(1)}\r\n0\r\n\r\n`, REFUSED],
  'no end': [`${HEX}\r\n${BODY}\r\n`, REFUSED],
  'an end without its last CRLF': [`${HEX}\r\n${BODY}\r\n0\r\n`, REFUSED],
  'an end of bare LF': [`${HEX}\r\n${BODY}\r\n0\r\n\n`, REFUSED],
});

/** A whole head before the body's length. */
function withHeads(table: Readonly<Record<string, readonly [string, string]>>): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, [head, verdict]]) => [
      name,
      [`${head}${LENGTH}\r\n${BODY}`, verdict],
    ]),
  );
}

const line = (text: string): string => `${text}\r\n${HEADERS}`;
const PATH = '/v1/billing/meter_events';
const START_LINES: Table = withHeads({
  'an empty line before it': [`\r\n${HEAD}`, BOTH],
  'two empty lines before it': [`\r\n\r\n${HEAD}`, BOTH],
  'a blank before it': [` ${HEAD}`, REFUSED],
  'a NUL before it': [`\0${HEAD}`, REFUSED],
  'two blanks behind the method': [line(`POST  ${PATH} HTTP/1.1`), BOTH],
  'a tab behind the method': [line(`POST\t${PATH} HTTP/1.1`), REFUSED],
  'two blanks before the version': [line(`POST ${PATH}  HTTP/1.1`), BOTH],
  'a blank behind the version': [line(`POST ${PATH} HTTP/1.1 `), REFUSED],
  'the version in lower case': [line(`POST ${PATH} http/1.1`), REFUSED],
  'no version': [line(`POST ${PATH}`), REFUSED],
  'HTTP/1': [line(`POST ${PATH} HTTP/1`), REFUSED],
  'HTTP/1.': [line(`POST ${PATH} HTTP/1.`), REFUSED],
  'HTTP/01.1': [line(`POST ${PATH} HTTP/01.1`), REFUSED],
  'HTTP/1.10': [line(`POST ${PATH} HTTP/1.10`), REFUSED],
  'HTTP/1,1': [line(`POST ${PATH} HTTP/1,1`), REFUSED],
  'HTTP/1.2': [line(`POST ${PATH} HTTP/1.2`), REFUSED],
  'HTTP/2.0': [line(`POST ${PATH} HTTP/2.0`), REFUSED],
  'HTTP/5.6': [line(`POST ${PATH} HTTP/5.6`), REFUSED],
  'IHTTP/1.1': [line(`POST ${PATH} IHTTP/1.1`), REFUSED],
  'ICE/1.0': [line(`POST ${PATH} ICE/1.0`), REFUSED],
  // Node's parser takes it for HTTP/1.0, and says so.
  'RTSP/1.0': [line(`POST ${PATH} RTSP/1.0`), 'first'],
  'a second request in the line': [line(`POST ${PATH} HTTP/1.1 GET / HTTP/1.1`), REFUSED],
  'a bare LF behind it': [`POST ${PATH} HTTP/1.1\n${HEADERS}`, REFUSED],
  'a bare CR behind it': [`POST ${PATH} HTTP/1.1\r${HEADERS}`, REFUSED],
  'a CR too many behind it': [`POST ${PATH} HTTP/1.1\r\r\n${HEADERS}`, REFUSED],
  'a bare CR in the path': [line(`POST ${PATH}\r HTTP/1.1`), REFUSED],
  'a NUL in the path': [line(`POST ${PATH}\0 HTTP/1.1`), REFUSED],
  'no path': [line('POST HTTP/1.1'), REFUSED],
  'a method in lower case': [line(`post ${PATH} HTTP/1.1`), REFUSED],
  'a method with more behind it': [line(`POSTX ${PATH} HTTP/1.1`), REFUSED],
  'HTTP/1.0, which is not kept': [HEAD.replace('1.1', '1.0'), 'first'],
  'HTTP/1.0, kept': [`${HEAD.replace('1.1', '1.0')}Connection: keep-alive\r\n`, BOTH],
});

const HEADER_LINES: Table = withHeads({
  'no host': [LINE + headers(IDS.first), REFUSED],
  'two hosts': [`${HEAD}Host: y\r\n`, REFUSED],
  'two hosts that are the same': [`${HEAD}hOST: x\r\n`, REFUSED],
  'a blank before the first header': [LINE + ` ${HEADERS}`, REFUSED],
  'a header without a name': [`${HEAD}: x\r\n`, REFUSED],
  'a header without a colon': [`${HEAD}X-A\r\n`, REFUSED],
  'a header without a colon, with a blank': [`${HEAD}X-A b\r\n`, REFUSED],
  'a header of blanks': [`${HEAD}   \r\n`, REFUSED],
  'a header without a value': [`${HEAD}X-A:\r\n`, BOTH],
  'an @ in a name': [`${HEAD}X@A: b\r\n`, REFUSED],
  'a blank in a name': [`${HEAD}X A: b\r\n`, REFUSED],
  'a quote in a name': [`${HEAD}"X-A": b\r\n`, REFUSED],
  'a control character in a name': [`${HEAD}X\u0001A: b\r\n`, REFUSED],
  'a letter above ASCII in a name': [`${HEAD}X\u00e9: b\r\n`, REFUSED],
  'a letter above ASCII in a value': [`${HEAD}X-A: \u00e9\r\n`, BOTH],
  'a tab in a value': [`${HEAD}X-A: b\tc\r\n`, BOTH],
  'a NUL in a value': [`${HEAD}X-A: \0\r\n`, REFUSED],
  'a control character in a value': [`${HEAD}X-A: \u0001\r\n`, REFUSED],
  'a DEL in a value': [`${HEAD}X-A: \u007f\r\n`, REFUSED],
  'a folded value': [`${HEAD}X-A: b\r\n c\r\n`, REFUSED],
  'a value on the next line': [`${HEAD}X-A:\r\n b\r\n`, REFUSED],
  'a bare CR between two': [`${HEAD}X-A: b\rX-B: c\r\n`, REFUSED],
  'a bare LF between two': [`${HEAD}X-A: b\nX-B: c\r\n`, REFUSED],
  'a CR too many': [`${HEAD}X-A: b\r\r\n`, REFUSED],
  'a request in place of one': [`${HEAD}\rZGET ${PATH} HTTP/1.1\r\n`, REFUSED],
  'a name that was torn': [`${HEAD}X-Some\r\u001beep-Alive\r\n`, REFUSED],
});

const CONNECTIONS: Table = withHeads({
  'keep-alive': [`${HEAD}Connection: keep-alive\r\n`, BOTH],
  'close: nothing is read behind it': [`${HEAD}Connection: close\r\n`, 'first'],
  'close, in mixed case': [`${HEAD}Connection: ClOsE\r\n`, 'first'],
  'close between tabs': [`${HEAD}Connection:\tclose\t\r\n`, 'first'],
  'close in a list': [`${HEAD}Connection: x, close\r\n`, 'first'],
  'a CR in keep-alive': [`${HEAD}Connection: keep\ralive\r\n`, REFUSED],
  'that names the length': [`${HEAD}Connection: content-length\r\n`, BOTH],
  'that names the key': [`${HEAD}Connection: authorization\r\n`, BOTH],
  'that names the host': [`${HEAD}Connection: keep-alive, host\r\n`, BOTH],
  'an upgrade that is not made': [`${HEAD}Connection: Upgrade\r\nUpgrade: x\r\n`, 'first'],
  'an upgrade to HTTP/2 that is not made': [
    `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n`,
    'first',
  ],
  'Proxy-Connection, as Connection': [`${HEAD}Proxy-Connection: close\r\n`, 'first'],
  'an expectation': [`${HEAD}Expect: 100-continue\r\n`, '100 first next'],
  'an expectation that is not known': [`${HEAD}Expect: 200-ok\r\n`, BOTH],
});

/** What a proxy may read otherwise, and where a path may lead: Taximeter's verdicts on these have tests of their own. */
const TARGETS: Table = withHeads(
  Object.fromEntries(
    [
      `http://x${PATH}`,
      `http://y${PATH}`,
      `http://a:b@x${PATH}`,
      `x:80${PATH}`,
      `//x${PATH}`,
      `/${PATH}`,
      `/x/..${PATH}`,
      `/%76%31/billing/meter_events`,
      `/v1/../metrics`,
      `/v1/..%2fmetrics`,
      `/v1/%2e%2e/metrics`,
      `/v1/..;/metrics`,
      `/v1\\..\\metrics`,
      `${PATH}#a`,
      `${PATH}?a b`,
      `${PATH}\u00e9`,
      '*',
    ].map((target) => [`the target ${target}`, [line(`POST ${target} HTTP/1.1`), '']]),
  ),
);

function toCases(table: Table): Readonly<Record<string, Case>> {
  return Object.fromEntries(
    Object.entries(table).map(([name, [sends, verdict]]) => [
      name,
      { sends: sends + NEXT, verdict },
    ]),
  );
}

/** Those that have a verdict. */
export const FRAMING = {
  lengths: toCases(LENGTHS),
  bodies: toCases(BODIES),
  codings: toCases(CODINGS),
  chunks: toCases(CHUNK_LINES),
  'start lines': toCases(START_LINES),
  headers: toCases(HEADER_LINES),
  connections: toCases(CONNECTIONS),
};
export const ODD_TARGETS = toCases(TARGETS);
