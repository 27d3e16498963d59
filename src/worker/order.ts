import type { WorkerOrder, WorkerRole } from '../api/worker-order.ts';
import { WorkerFailure } from './failure.ts';

/** A rule names each thing that is wrong below `at`; no problems: the value has the rule's shape. */
type Rule = (value: unknown, at: string) => readonly string[];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text: Rule = (value, at) =>
  typeof value === 'string' && value !== '' ? [] : [`${at} must be a string that is not empty`];
const string: Rule = (value, at) => (typeof value === 'string' ? [] : [`${at} must be a string`]);
const flag: Rule = (value, at) => (typeof value === 'boolean' ? [] : [`${at} must be true or false`]);
const integer =
  (least: number): Rule =>
  (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least
      ? []
      : [`${at} must be an integer of at least ${least}`];
const oneOf =
  (...allowed: readonly (string | number)[]): Rule =>
  (value, at) =>
    allowed.some((one) => one === value) ? [] : [`${at} must be ${allowed.join(' or ')}`];
const optional =
  (rule: Rule): Rule =>
  (value, at) =>
    value === undefined ? [] : rule(value, at);
const list =
  (rule: Rule): Rule =>
  (value, at) =>
    Array.isArray(value) ? value.flatMap((one: unknown, i) => rule(one, `${at}[${i}]`)) : [`${at} must be a list`];
const object =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value, at) =>
    isObject(value)
      ? Object.entries(fields).flatMap(([name, rule]) => rule(value[name], at === '' ? name : `${at}.${name}`))
      : [`${at === '' ? 'the order' : at} must be an object`];
const time: Rule = (value, at) =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? [] : [`${at} must be a time in RFC 3339`];
const range: Rule = (value, at) => {
  const problems = object({ first: integer(0), last: integer(0) })(value, at);
  if (problems.length > 0 || !isObject(value)) return problems;
  return Number(value['first']) <= Number(value['last']) ? [] : [`${at}.last must not be below ${at}.first`];
};

const common = { v: oneOf(1), pod: text, operatorNamespace: text, server: text };
const job = object({
  kind: oneOf('BackupJob', 'Restore'),
  uid: text,
  namespace: text,
  name: text,
  processNumber: integer(0),
});
const library = object({ name: text, driver: oneOf('virtual', 'scsi') });
const tapeFields = {
  name: text,
  barcode: text,
  labelId: optional(text),
  slot: optional(integer(0)),
  groups: optional(integer(0)),
};
const source = object({
  kind: oneOf('hostPath', 'persistentVolumeClaim', 'command'),
  path: optional(text),
  claim: optional(text),
  snapshot: optional(text),
  command: optional(list(text)),
  include: list(text),
  exclude: list(text),
  oneFileSystem: flag,
  shared: flag,
});
const hostFolder = object({ prefix: text, beneath: string });
const granted = {
  ...common,
  job,
  grant: object({ stream: integer(0), epoch: integer(0) }),
  library,
  drive: object({ name: text, elementAddress: integer(0) }),
};

const reading = {
  ...granted,
  tape: object({ ...tapeFields, labelId: text }),
  record: text,
  backup: job,
  planRecord: text,
  commitRecords: list(text),
  segments: list(range),
  heartbeatMs: integer(1),
};

const rules: Readonly<Record<WorkerRole, Rule>> = {
  inventory: object({ ...common, library, page: text }),
  load: object({ ...granted, tape: object(tapeFields), newLabelId: optional(text) }),
  unload: object({ ...granted, tape: object(tapeFields), housekeeping: optional(flag) }),
  plan: object({
    ...common,
    job,
    record: text,
    source,
    sourceFolder: hostFolder,
    lockPages: flag,
    segmentBytes: optional(integer(1)),
  }),
  backup: object({
    ...granted,
    tape: object({ ...tapeFields, labelId: text }),
    source,
    sourceFolder: hostFolder,
    record: text,
    planRecord: text,
    lockPages: flag,
    compression: oneOf('None', 'Zstd'),
    retainUntil: optional(time),
    consistent: flag,
    catalogueEvery: integer(1),
    fenceTimeoutMs: integer(1),
    heartbeatMs: integer(1),
  }),
  restore: object({
    ...reading,
    targetFolder: hostFolder,
    paths: list(text),
    conflict: oneOf('Fail', 'Skip', 'Overwrite', 'KeepNewer'),
    finish: flag,
  }),
  verify: object(reading),
};

const isRole = (value: unknown): value is WorkerRole => typeof value === 'string' && Object.hasOwn(rules, value);

/** All that is wrong with an order, each with the path of its field; empty when it is one. */
export const findOrderProblems = (value: unknown): readonly string[] => {
  if (!isObject(value)) return ['the order must be an object'];
  const role = value['role'];
  if (!isRole(role)) return [`role must be ${Object.keys(rules).join(' or ')}`];
  return rules[role](value, '');
};

const isOrder = (value: unknown): value is WorkerOrder => findOrderProblems(value).length === 0;

/**
 * Reads `TWINREEL_ORDER`. Fields that are not known are passed over, so that a newer operator can say more.
 *
 * @throws WorkerFailure (exit code 2) that names every wrong field
 */
export const parseOrder = (json: string | undefined): WorkerOrder => {
  if (json === undefined || json === '') throw wrongOrder('TWINREEL_ORDER is not set');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw wrongOrder(`TWINREEL_ORDER is no JSON: ${cause instanceof Error ? cause.message : ''}`);
  }
  if (isOrder(value)) return value;
  throw wrongOrder(`TWINREEL_ORDER: ${findOrderProblems(value).join('; ')}`);
};

const wrongOrder = (message: string): WorkerFailure =>
  new WorkerFailure({ reason: 'InvalidOrder', fault: 'order', message });
