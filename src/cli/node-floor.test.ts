import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartupError } from '../lib/startup-error.ts';
import { refuseOldNode } from './node-floor.ts';

test('a Node with known holes is refused, this one and later ones are not', () => {
  for (const old of ['20.20.2', '22.22.2', '24.0.0', '24.13.9', '24.14.0', '25.0.0', '25.8.1']) {
    assert.throws(() => refuseOldNode(old), StartupError, old);
  }
  const fine = ['24.14.1', '24.15.0', '24.21.0', '25.8.2', '25.9.0', '26.0.0', '27.1.0-nightly'];
  for (const version of [...fine, process.versions.node]) refuseOldNode(version);
});
