/** The environment of a container's process: clean but for what the pod and the agent put into it. */
import { ConfigProblem } from './config-problem.ts';
import type { ContainerSpec, EnvVar, KeyRef, Pod } from './core-objects.ts';
import { readField, type NodeAddress } from './field-reference.ts';
import { rewriteValue, type Mount } from './mount-table.ts';
import { expandVariables } from './variable-expansion.ts';
import { readData, type DataKind, type VolumeContext } from './volumes.ts';

/** Of the agent's own environment a container sees these only. */
const inherited = ['PATH', 'HOME', 'TZ'];

export const baseEnvironment = (own: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    inherited.flatMap((name) => {
      const value = own[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/**
 * The pod's variables in order, each expanded by those before it; paths are rewritten last.
 * Rejects with a `ConfigProblem` when a value can't be had.
 */
export const readEnvironment = async (
  context: Pick<VolumeContext, 'api' | 'identity' | 'signal' | 'pod' | 'node'>,
  container: ContainerSpec,
  base: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> => {
  const values: Record<string, string> = { ...base };
  for (const variable of container.env ?? []) {
    const value = await readVariable(context, variable, values);
    if (value !== undefined) values[variable.name] = value;
  }
  return values;
};

/** Rewrites the pod's own variables; those of the agent name the host's places already. */
export const rewriteEnvironment = (
  values: Readonly<Record<string, string>>,
  mounts: readonly Mount[],
  base: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, base[name] === value ? value : rewriteValue(mounts, value)]),
  );

const readVariable = async (
  context: Parameters<typeof readEnvironment>[0],
  { name, value, valueFrom }: EnvVar,
  known: Readonly<Record<string, string>>,
): Promise<string | undefined> => {
  if (valueFrom === undefined) return expandVariables(value ?? '', known);
  if (valueFrom.fieldRef !== undefined)
    return fieldValue(context.pod, context.node, name, valueFrom.fieldRef.fieldPath);
  if (valueFrom.secretKeyRef !== undefined) return keyValue(context, 'secret', valueFrom.secretKeyRef);
  if (valueFrom.configMapKeyRef !== undefined) return keyValue(context, 'configMap', valueFrom.configMapKeyRef);
  throw new ConfigProblem(`the variable ${name} has a source that this node does not know`);
};

const fieldValue = (pod: Pod, node: NodeAddress, name: string, fieldPath: string): string => {
  const value = readField(pod, node, fieldPath);
  if (value === undefined)
    throw new ConfigProblem(`the variable ${name} names the field ${fieldPath}, which this node does not know`);
  return value;
};

const keyValue = async (
  context: Parameters<typeof readEnvironment>[0],
  kind: DataKind,
  { name = '', key, optional = false }: KeyRef,
): Promise<string | undefined> => {
  const value = (await readData(context, kind, name))?.[key];
  if (value === undefined && !optional) throw new ConfigProblem(`${kind} ${name} has no key ${key}`);
  return value?.toString('utf8');
};
