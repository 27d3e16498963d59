/**
 * Control characters (C0, DEL, C1) and those that turn the direction of text or begin lines: what hooks print and tenants
 * write would otherwise move the cursor, rewrite what stands above, or make lines of its own on an administrator's
 * terminal.
 */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** The same value, with all such characters in its strings as escapes (`\n`, `\u001b`). For plain data. Pure. */
export function printable<T>(value: T): T;
export function printable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(unprintable, escapeOf);
  if (Array.isArray(value)) return value.map((one: unknown) => printable(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]: [string, unknown]) => [key, printable(one)]));
}

const short: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

const escapeOf = (character: string): string =>
  short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
