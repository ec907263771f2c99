/** An exact decimal, in units of 1e-12. Plain bigint arithmetic is right: add, subtract, negate, compare. */
export type Quantity = bigint;
