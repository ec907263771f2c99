import assert from 'node:assert/strict';
import type { PageQuery } from '../../src/catalog/catalog.ts';
import { parseForm } from '../../src/api/read/form.ts';
import { parsePage } from '../../src/api/read/pagination.ts';
import {
  parseSummaryId,
  toSummaryId,
  type SummaryName,
} from '../../src/api/summaries/summary-id.ts';
import { toNamespace } from '../../src/domain/namespace.ts';
import { corpusOf } from '../corpus.ts';
import { type Target } from '../target.ts';

const NAMESPACE = toNamespace('acct_1', 'test');

/** Cursors: only one that was given out is one. Pages: bounds hold. */
export const cursor: Target<SummaryName | PageQuery> = {
  name: 'cursor',
  ...corpusOf('cursor'),
  read: (input) => parseSummaryId(NAMESPACE, input) ?? parsePage(parseForm(input)),
  check: (input, read) => {
    if ('meterId' in read) {
      assert.equal(toSummaryId(NAMESPACE, read), input);
      return 'a summary';
    }
    const { limit, startingAfter, endingBefore } = read;
    assert.ok(limit >= 1 && limit <= 100);
    assert.ok(startingAfter === undefined || endingBefore === undefined);
    return `${startingAfter === undefined} ${endingBefore === undefined}`;
  },
};
