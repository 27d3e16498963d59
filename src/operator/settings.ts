/**
 * Every setting of the operator, in one table: flags, environment variables, the configuration file, their schema and
 * `--help` are made from it.
 */

export interface Setting {
  /** As in the configuration file; the flag is the same in kebab case, the variable in upper case after `TWINREEL_`. */
  readonly key: string;
  readonly kind: 'text' | 'duration' | 'integer';
  readonly help: string;
  /** Of a duration: less makes no sense, such as a heartbeat that never rests. */
  readonly atLeast?: string;
  /** In the words of the setting; absent: may be left out. */
  readonly byDefault?: string | number;
  /** JSON schema beyond what the kind says. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

const dnsName = { pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$' };

export const settings: readonly Setting[] = [
  {
    key: 'kubeconfig',
    kind: 'text',
    help: 'how to reach the API server; without it KUBECONFIG, then the pod it runs in',
  },
  {
    key: 'namespace',
    kind: 'text',
    help: 'namespace of records and worker pods',
    byDefault: 'twinreel-system',
    schema: dnsName,
  },
  {
    key: 'metricsAddress',
    kind: 'text',
    help: 'address and port of /metrics, /healthz and /readyz',
    byDefault: '0.0.0.0:8080',
    schema: { pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s]*):\\d{1,5}$' },
  },
  { key: 'image', kind: 'text', help: 'image of worker pods', byDefault: 'twinreel:0.1.0' },
  {
    key: 'imagePullPolicy',
    kind: 'text',
    help: 'when that is pulled',
    byDefault: 'IfNotPresent',
    schema: { enum: ['Always', 'IfNotPresent', 'Never'] },
  },
  {
    key: 'logLevel',
    kind: 'text',
    help: 'least level that is logged',
    byDefault: 'info',
    schema: { enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] },
  },
  {
    key: 'leaseName',
    kind: 'text',
    help: 'Lease by which one of several operators leads',
    byDefault: 'twinreel-operator',
    schema: dnsName,
  },
  {
    key: 'leaseDuration',
    kind: 'duration',
    atLeast: '1s',
    help: 'how long a silent leader is waited for, in whole seconds',
    byDefault: '15s',
  },
  {
    key: 'renewDeadline',
    kind: 'duration',
    atLeast: '500ms',
    help: 'a leader that cannot renew its lease for so long ends',
    byDefault: '10s',
  },
  {
    key: 'retryPeriod',
    kind: 'duration',
    atLeast: '100ms',
    help: 'between two attempts to take or renew the lease',
    byDefault: '2s',
  },
  {
    key: 'heartbeat',
    kind: 'duration',
    atLeast: '1s',
    help: 'how often workers give a sign of life',
    byDefault: '10s',
  },
  {
    key: 'fenceTimeout',
    kind: 'duration',
    atLeast: '10s',
    help: 'after so long an unproven fence is called NotUsable; a worker without the API stops after it, too',
    byDefault: '2m',
  },
  {
    key: 'progressInterval',
    kind: 'duration',
    atLeast: '1s',
    help: "least time between two writes of a job's progress",
    byDefault: '5s',
  },
  {
    key: 'podStartTimeout',
    kind: 'duration',
    atLeast: '10s',
    help: 'how long a worker pod may take to start',
    byDefault: '5m',
  },
  {
    key: 'snapshotTimeout',
    kind: 'duration',
    atLeast: '10s',
    help: 'how long a snapshot of a claim may take to be readable, and each clone of it to be bound',
    byDefault: '1h',
  },
  {
    key: 'preparationTimeout',
    kind: 'duration',
    atLeast: '1m',
    help: 'how long loading and locating may take; a new LTO-9 tape needs two hours',
    byDefault: '2h30m',
  },
  {
    key: 'filesTimeout',
    kind: 'duration',
    atLeast: '1m',
    help: 'how long a source may give nothing, or a target take nothing; a walk for hard links gives nothing until its end',
    byDefault: '6h',
  },
  {
    key: 'gracePeriod',
    kind: 'duration',
    atLeast: '1s',
    help: 'between SIGTERM and SIGKILL of a worker, in whole seconds',
    byDefault: '30s',
  },
  {
    key: 'catalogueEvery',
    kind: 'integer',
    help: 'segments between two incremental catalogues on tape',
    byDefault: 32,
    schema: { minimum: 1, maximum: 10_000 },
  },
  {
    key: 'kubeletRoot',
    kind: 'text',
    help: 'folder of the kubelets (their --root-dir), where claims are read that a pod has mounted',
    byDefault: '/var/lib/kubelet',
    schema: { pattern: '^/' },
  },
  {
    key: 'simulatedFabrics',
    kind: 'text',
    help: 'folder of simulated switches; without it "fabrics" beside the kubeconfig, or /var/lib/twinreel/fabrics',
  },
];

/** What `--help` and the manual say. */
export const helpOf = ({ help, atLeast }: Pick<Setting, 'help' | 'atLeast'>): string =>
  atLeast === undefined ? help : `${help}; at least ${atLeast}`;

const words = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const flagOf = ({ key }: Pick<Setting, 'key'>): string => `--${words(key)}`;
export const variableOf = ({ key }: Pick<Setting, 'key'>): string =>
  `TWINREEL_${words(key).toUpperCase().replaceAll('-', '_')}`;

const durationPattern = '^(\\d+(\\.\\d+)?(h|ms|m|s))+$';

const schemaOf = ({ kind, schema = {}, ...setting }: Setting): object => {
  const help = helpOf(setting);
  switch (kind) {
    case 'text':
      return { type: 'string', minLength: 1, description: help, ...schema };
    case 'duration':
      return { type: 'string', pattern: durationPattern, description: `${help} (a duration)`, ...schema };
    case 'integer':
      return { type: 'integer', description: help, ...schema };
  }
};

/** Of the configuration file, and of everything put together. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(settings.map((setting) => [setting.key, schemaOf(setting)])),
} as const;
