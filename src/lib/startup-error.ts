/** A reason not to start that the operator can mend: printed as one line, without a stack. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** A part of the data folder was made by a newer version, which this one must not touch. */
export function newerFolderError(part: string, found: number, known: number): StartupError {
  return new StartupError(
    `The ${part} was made by a newer version of Taximeter (format ${found}; this one knows up to ` +
      `${known}). Start that version or a later one.`,
  );
}

/** A file is not as it was written. Nothing can make it good but a copy. */
export function damagedError(file: string, what: string): StartupError {
  return new StartupError(`${file} is damaged: ${what}. Restore the data folder from a backup.`);
}
