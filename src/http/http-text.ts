import { STATUS_CODES } from 'node:http';
import type { ResponseHeaders } from './http-call.ts';

/** Status line and headers, with the empty line after them. The values must be free of line breaks. */
export function toHead(status: number, headers: ResponseHeaders): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return `${head}\r\n`;
}
