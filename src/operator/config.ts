/** The operator's configuration: flag before environment variable before file before default, all held to one schema. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Ajv, type ErrorObject } from 'ajv';
import { Command } from 'commander';
import { parse } from 'yaml';
import type { WorkerImage } from '../decide/grant/worker-pod.ts';
import { parseDurationMs } from '../decide/units.ts';
import { flagOf, helpOf, settings, settingsSchema, variableOf, type Setting } from './settings.ts';

export interface OperatorConfig {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly metrics: { readonly host: string; readonly port: number };
  readonly image: WorkerImage;
  readonly logLevel: string;
  readonly lease: {
    readonly name: string;
    readonly durationMs: number;
    readonly renewMs: number;
    readonly retryMs: number;
  };
  readonly heartbeatMs: number;
  readonly fenceTimeoutMs: number;
  readonly progressMs: number;
  readonly podStartMs: number;
  readonly snapshotMs: number;
  readonly preparationMs: number;
  readonly filesMs: number;
  readonly graceSeconds: number;
  readonly catalogueEvery: number;
  readonly kubeletRoot: string;
  readonly simulatedFabrics: string;
}

/** Every line names a setting, where its value comes from, and what is wrong with it. */
export class ConfigError extends Error {
  readonly code = 'InvalidConfiguration';
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Given {
  readonly value: unknown;
  /** Such as `--lease-duration` or `operator.yaml`. */
  readonly from: string;
}

/** Prints and ends the process for `--help` and `--version`, and for flags that there are not. */
export const operatorCommand = (version: string): Command => {
  const command = new Command('twinreel-operator')
    .description('Runs backup jobs and restores: allocates hardware, starts workers, sees to it that all is released.')
    .version(version)
    .option('--config <file>', 'YAML file with the same settings, in camelCase (TWINREEL_CONFIG)');
  for (const setting of settings) {
    const ends = setting.byDefault === undefined ? '' : `; default ${setting.byDefault}`;
    command.option(`${flagOf(setting)} <${setting.kind}>`, `${helpOf(setting)} (${variableOf(setting)}${ends})`);
  }
  return command.showHelpAfterError('(--help lists all settings)');
};

/** @throws ConfigError */
export const readConfig = (argv: readonly string[], env: Environment, version: string): OperatorConfig => {
  const flags: Readonly<Record<string, unknown>> = operatorCommand(version)
    .parse([...argv], { from: 'user' })
    .opts();
  const file = typeof flags['config'] === 'string' ? flags['config'] : env['TWINREEL_CONFIG'];
  const fromFile = file === undefined ? {} : readConfigFile(file);
  const given = new Map(settings.flatMap((setting) => chosen(setting, flags, env, fromFile, file)));
  const values = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
  const problems = findProblems(values, (key) => given.get(key)?.from ?? 'the defaults');
  if (problems.length > 0) throw new ConfigError(problems);
  return build(values);
};

const chosen = (
  setting: Setting,
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
  file: Readonly<Record<string, unknown>>,
  fileName = '',
): readonly (readonly [string, Given])[] => {
  const { key, byDefault } = setting;
  const variable = variableOf(setting);
  if (flags[key] !== undefined) return [[key, { value: asKind(setting, flags[key]), from: flagOf(setting) }]];
  if (env[variable] !== undefined) return [[key, { value: asKind(setting, env[variable]), from: variable }]];
  if (file[key] !== undefined) return [[key, { value: file[key], from: fileName }]];
  return byDefault === undefined ? [] : [[key, { value: byDefault, from: 'the defaults' }]];
};

/** Flags and variables are text; what does not look like a number stays as it is, for the schema to refuse. */
const asKind = ({ kind }: Setting, value: unknown): unknown =>
  kind === 'integer' && typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;

const ajv = new Ajv({ allErrors: true });
const validate = ajv.compile(settingsSchema);

const findProblems = (values: Readonly<Record<string, unknown>>, from: (key: string) => string): readonly string[] => {
  const wrong = validate(values) ? [] : (validate.errors ?? []).map((error) => describeProblem(error, from));
  return [...wrong, ...settings.flatMap((setting) => tooShort(setting, values, from))];
};

/** What is no duration at all is the schema's to refuse. */
const tooShort = (
  { key, atLeast }: Setting,
  values: Readonly<Record<string, unknown>>,
  from: (key: string) => string,
): readonly string[] => {
  const value = values[key];
  if (atLeast === undefined || typeof value !== 'string' || !(parseDurationMs(value) < parseDurationMs(atLeast))) {
    return [];
  }
  return [`${key} (from ${from(key)}): ${flagOf({ key })} must be at least ${atLeast}`];
};

const describeProblem = (error: ErrorObject, from: (key: string) => string): string => {
  const params: Readonly<Record<string, unknown>> = error.params;
  const unknownKey = params['additionalProperty'];
  if (typeof unknownKey === 'string') return `${unknownKey}: there is no such setting`;
  const key = error.instancePath.slice(1);
  const allowed = params['allowedValues'];
  const what = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (error.message ?? 'is wrong');
  const setting = settings.find((one) => one.key === key);
  const hint =
    setting?.kind === 'duration' && error.keyword === 'pattern' ? 'must be a duration such as 90s or 1h30m' : what;
  return `${key} (from ${from(key)}): ${hint}`;
};

const readConfigFile = (file: string): Readonly<Record<string, unknown>> => {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  if (!isObject(content)) throw new ConfigError([`${file}: must be a map of settings`]);
  const problems = findProblems(content, () => file);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
  return content;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const build = (values: Readonly<Record<string, unknown>>): OperatorConfig => {
  const text = (key: string): string => String(values[key]);
  const optional = (key: string): string | undefined => (values[key] === undefined ? undefined : text(key));
  // Workers take whole milliseconds only.
  const ms = (key: string): number => Math.round(parseDurationMs(text(key)));
  const lease = {
    name: text('leaseName'),
    durationMs: ms('leaseDuration'),
    renewMs: ms('renewDeadline'),
    retryMs: ms('retryPeriod'),
  };
  if (!(lease.retryMs > 0 && lease.retryMs < lease.renewMs && lease.renewMs < lease.durationMs)) {
    throw new ConfigError(['leaseDuration: retryPeriod < renewDeadline < leaseDuration must hold']);
  }
  const kubeconfig = optional('kubeconfig');
  const beside = kubeconfig === undefined ? '/var/lib/twinreel' : dirname(resolve(kubeconfig));
  return {
    kubeconfig,
    namespace: text('namespace'),
    metrics: addressOf(text('metricsAddress')),
    image: { image: text('image'), pullPolicy: pullPolicyOf(text('imagePullPolicy')) },
    logLevel: text('logLevel'),
    lease,
    heartbeatMs: ms('heartbeat'),
    fenceTimeoutMs: ms('fenceTimeout'),
    progressMs: ms('progressInterval'),
    podStartMs: ms('podStartTimeout'),
    snapshotMs: ms('snapshotTimeout'),
    preparationMs: ms('preparationTimeout'),
    filesMs: ms('filesTimeout'),
    graceSeconds: Math.ceil(ms('gracePeriod') / 1000),
    catalogueEvery: Number(values['catalogueEvery']),
    kubeletRoot: text('kubeletRoot').replace(/\/+$/, ''),
    simulatedFabrics: resolve(optional('simulatedFabrics') ?? join(beside, 'fabrics')),
  };
};

const pullPolicyOf = (text: string): WorkerImage['pullPolicy'] =>
  text === 'Always' || text === 'Never' ? text : 'IfNotPresent';

const addressOf = (address: string): OperatorConfig['metrics'] => {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replaceAll(/[[\]]/g, '');
  const port = Number(address.slice(colon + 1));
  if (port > 65_535) throw new ConfigError([`metricsAddress: there is no port ${port}`]);
  return { host: host === '' ? '0.0.0.0' : host, port };
};
