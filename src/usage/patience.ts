/**
 * How long who asks is willing to wait. The read rejects with the signal's reason at once, even if the store never
 * comes back from it; `seconds` is what the store itself may spend on one query before it gives up.
 */
export type Patience = { readonly signal: AbortSignal; readonly seconds: number };
