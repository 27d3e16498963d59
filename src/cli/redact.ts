/**
 * What may leave the cluster in a debug bundle. By what is kept where it can be: an annotation or a word of a command
 * may be anything. Pure.
 */
import { isRecord } from '../kube/json-equal.ts';

export const removed = '<removed>';

/** The same value without what may be secret. */
export const redact = (value: unknown, key = ''): unknown => {
  if (typeof value === 'string') return secretName.test(key) ? removed : maskText(value);
  if (Array.isArray(value)) return redactList(value, key);
  if (!isRecord(value)) return value;
  if (key === 'annotations') return mapValues(value, (name, one) => (isOurs(name) ? redact(one) : removed));
  if (key === 'data' || key === 'stringData' || key === 'binaryData') return removed;
  const kept = Object.entries(value).filter(([name]) => name !== 'managedFields');
  return mapValues(Object.fromEntries(kept), (name, one) => redact(one, name));
};

const redactList = (list: readonly unknown[], key: string): unknown => {
  // The first word of a command is its program; what follows may be a password.
  if (key === 'command') return list.map((word, position) => (position === 0 ? redact(word) : removed));
  if (key === 'args') return list.map(() => removed);
  if (key === 'env' || key === 'httpHeaders')
    return list.map((one) => (isRecord(one) && 'value' in one ? { ...one, value: removed } : one));
  return list.map((one) => redact(one));
};

const mapValues = (
  value: Readonly<Record<string, unknown>>,
  map: (name: string, one: unknown) => unknown,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(value).map(([name, one]) => [name, map(name, one)]));

const isOurs = (annotation: string): boolean => annotation.startsWith('twinreel.io/');

/** Fields that hold a secret themselves; names of Secrets (`secretName`, `secretKeyRef`) do not. */
const secretName = /^(.*[_-])?(password|passwd|passphrase|token|apikey|api_key|secret|credentials?)$/i;

/** What programs print when they fail: in messages of conditions and events, and in results of hooks. */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, removed],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${removed}`],
  [/(:\/\/[^\s/:@]*):[^\s/@]+@/g, `$1:${removed}@`],
  [
    /(\w*(?:password|passwd|passphrase|token|api_?key|secret)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;]+)/gi,
    `$1${removed}`,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, removed],
];

const maskText = (text: string): string =>
  secretTexts.reduce((masked, [pattern, instead]) => masked.replace(pattern, instead), text);
