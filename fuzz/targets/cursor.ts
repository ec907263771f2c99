import assert from 'node:assert/strict';
import { parseForm } from '../../src/http/form.ts';
import { parsePage } from '../../src/http/pages.ts';
import { parseSummaryId, toSummaryId } from '../../src/http/summary-id.ts';
import { toNamespace } from '../../src/namespace.ts';
import { corpusOf } from '../corpus.ts';
import { attempt, type Target } from '../target.ts';

const NAMESPACE = toNamespace('acct_1', 'test');

/** Cursors: only one that was given out is one. Pages: bounds hold. */
export const cursor: Target = {
  name: 'cursor',
  ...corpusOf('cursor'),
  run: (input) => {
    const name = parseSummaryId(NAMESPACE, input);
    if (name !== undefined) {
      assert.equal(toSummaryId(NAMESPACE, name), input);
      return 'a summary';
    }
    const page = attempt(() => parsePage(parseForm(input)));
    if (page.refusal !== undefined) return page.refusal;
    const { limit, startingAfter, endingBefore } = page.value;
    assert.ok(limit >= 1 && limit <= 100);
    assert.ok(startingAfter === undefined || endingBefore === undefined);
    return `${startingAfter === undefined} ${endingBefore === undefined}`;
  },
};
