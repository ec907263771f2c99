/** The version of Stripe's API whose objects these are: what is said to who names none. */
export const API_VERSION = '2026-10-28.endive';
