import { beginning, isLonger, shown } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Form } from './form.ts';

/** Stripe's limits. */
const METADATA_KEYS_MAX = 50;
const METADATA_KEY_LENGTH_MAX = 40;
const METADATA_VALUE_LENGTH_MAX = 500;

/** Named keys are set, keys with an empty value unset; `metadata=` unsets all (Stripe: api/metadata). */
export function parseMetadata(
  form: Form,
): (current: ReadonlyMap<string, string>) => ReadonlyMap<string, string> {
  const sent = form.get('metadata');
  if (sent === undefined) return (current) => current;
  if (sent === '') return () => new Map();
  if (typeof sent === 'string') {
    throw new ApiError(
      'parameter_invalid',
      'Invalid hash: metadata takes named values.',
      'metadata',
    );
  }
  const changes = [...sent].map(([key, value]) => [key, metadataValue(key, value)] as const);
  return (current) => {
    const merged = new Map(current);
    for (const [key, value] of changes) {
      if (value === '') merged.delete(key);
      else merged.set(key, value);
    }
    if (merged.size > METADATA_KEYS_MAX) throw invalid('metadata', `${METADATA_KEYS_MAX} keys`);
    return merged;
  };
}

function metadataValue(key: string, value: string | Form): string {
  const path = `metadata[${key}]`;
  if (typeof value !== 'string') {
    throw new ApiError('parameter_invalid', `Invalid string: ${path}`, path);
  }
  if (key === '' || isLonger(key, METADATA_KEY_LENGTH_MAX)) {
    throw invalid(path, `${METADATA_KEY_LENGTH_MAX} characters in a key`);
  }
  if (isLonger(value, METADATA_VALUE_LENGTH_MAX)) {
    throw invalid(path, `${METADATA_VALUE_LENGTH_MAX} characters in a value`);
  }
  return value;
}

function invalid(path: string, limit: string): ApiError {
  return new ApiError(
    'parameter_invalid',
    `Invalid ${shown(path)}: metadata has at most ${limit}.`,
    beginning(path),
  );
}
