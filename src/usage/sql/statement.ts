/** SQL with `{name:Type}` placeholders and what to bind to them. Values never enter the SQL text. */
export type Statement = {
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number | readonly string[]>>;
};
