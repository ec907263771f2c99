import { readFileSync } from 'node:fs';
import type { Target } from './target.ts';

type File = { readonly inputs: readonly string[]; readonly tokens: readonly string[] };
export type Corpus = Pick<Target, 'corpus' | 'tokens'>;

function read(name: string): File {
  const text = readFileSync(new URL(`corpus/${name}.json`, import.meta.url), 'utf8');
  return JSON.parse(text) as File;
}

/** Names and texts that trip readers, whatever they read. */
export const COMMON_TOKENS = read('common').tokens;

/** What is in these files together, and what trips any reader. */
export function corpusOf(...names: readonly string[]): Corpus {
  const files = names.map(read);
  return {
    corpus: files.flatMap(({ inputs }) => inputs),
    tokens: [...COMMON_TOKENS, ...files.flatMap(({ tokens }) => tokens)],
  };
}
