/** What a client knows at a moment: what it sent, and what it was answered. Its notes lie between the writes of the disk. */

/** Of each kind first what was asked for, then what was answered with success. */
const KINDS = [
  'sent',
  'acknowledged',
  'cancel',
  'cancelled',
  'meter',
  'meter made',
  'backup',
  'backup made',
  'restore',
  'restore made',
  'prune',
  'pruned',
  /** All events of a month that can be pruned are acknowledged. */
  'old',
] as const;
export type Kind = (typeof KINDS)[number];

/** A thing that is asked for: the number of an event, or a name. */
export type Named = number | string;
type Note =
  | { readonly nowS: number }
  /** A part of the usage store has its name now. */
  | { readonly part: string }
  | { readonly kind: Kind; readonly names: readonly Named[] };

export class Ledger {
  readonly of = Object.fromEntries(KINDS.map((kind) => [kind, new Set<Named>()])) as Record<
    Kind,
    Set<Named>
  >;
  /** What the events' times are counted from; undefined before the first. */
  nowS: number | undefined;
  /** The acknowledged events when a backup was asked for, by its name. */
  readonly backedUp = new Map<Named, ReadonlySet<Named>>();

  /** Takes notes, one a line. Answers whether a part got its name. */
  take(text: string): { readonly hasPart: boolean } {
    let hasPart = false;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const note = JSON.parse(line) as Note;
      if ('nowS' in note) this.nowS = note.nowS;
      else if ('part' in note) hasPart = true;
      else if ('kind' in note) this.#add(note.kind, note.names);
    }
    return { hasPart };
  }

  #add(kind: Kind, names: readonly Named[]): void {
    for (const name of names) {
      this.of[kind].add(name);
      if (kind === 'backup') this.backedUp.set(name, new Set(this.of.acknowledged));
    }
  }

  /** All that it has, as notes for another recording. */
  *toNotes(): Iterable<string> {
    if (this.nowS !== undefined) yield JSON.stringify({ nowS: this.nowS });
    for (const kind of KINDS) {
      // What backups are of is another disk's.
      if (kind.startsWith('backup') || kind.startsWith('restore')) continue;
      const names = [...this.of[kind]];
      for (let from = 0; from < names.length; from += 1000) {
        yield noteOf(kind, names.slice(from, from + 1000));
      }
    }
  }

  /** How many events there may be at most: their numbers are below it. */
  get end(): number {
    return [...this.of.sent].reduce<number>((end, n) => Math.max(end, Number(n) + 1), 0);
  }
}

export function noteOf(kind: Kind, names: readonly Named[]): string {
  return JSON.stringify({ kind, names } satisfies Note);
}
