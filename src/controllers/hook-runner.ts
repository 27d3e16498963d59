/** Runs a command in the pods of an application; the only thing that the operator executes in users' namespaces. */
import type { Api } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { pods } from '../kube/resources.ts';
import type { HookSpec } from '../decide/job/hooks.ts';
import { parseDurationMs } from '../decide/units.ts';

export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

/** Exit code of a command, and the end of what it printed; rejects when it could not be run or seen to its end. */
export type ExecInPod = (
  request: ExecRequest,
  signal: AbortSignal,
) => Promise<{ readonly exitCode: number; readonly output: string }>;

export interface HookResult {
  readonly ok: boolean;
  /** Pods in which it ran, comma separated. */
  readonly pods: string;
  readonly message: string;
}

const maxOutput = 512;

/** In every running pod that the selector finds, one after the other; the first failure ends it. */
export const runHook = async (
  { api, exec }: { readonly api: Api; readonly exec: ExecInPod },
  namespace: string,
  hook: HookSpec,
  signal: AbortSignal,
): Promise<HookResult> => {
  const { items } = await api.list(pods, { namespace, labelSelector: selectorText(hook.podSelector) }, signal);
  const running = items.filter(isRunning);
  const names = running.map((pod) => pod.metadata?.name ?? '').join(',');
  if (running.length === 0) {
    return { ok: false, pods: '', message: `no running pod in ${namespace} matches ${selectorText(hook.podSelector)}` };
  }
  for (const pod of running) {
    const name = pod.metadata?.name ?? '';
    const failed = await runIn(exec, namespace, pod, hook, signal);
    if (failed !== undefined)
      return { ok: false, pods: name, message: `${hook.command.join(' ')} in pod ${name}: ${failed}` };
  }
  return { ok: true, pods: names, message: `${hook.command.join(' ')} in ${names}` };
};

const isRunning = ({ metadata, status }: Pod): boolean =>
  status?.phase === 'Running' && metadata?.deletionTimestamp === undefined;

/** @returns what went wrong; undefined when nothing did */
const runIn = async (
  exec: ExecInPod,
  namespace: string,
  pod: Pod,
  hook: HookSpec,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const name = pod.metadata?.name ?? '';
  const container = hook.container ?? pod.spec?.containers[0]?.name ?? '';
  const limit = AbortSignal.any([signal, AbortSignal.timeout(parseDurationMs(hook.timeout ?? '60s'))]);
  try {
    const { exitCode, output } = await exec({ namespace, pod: name, container, command: hook.command }, limit);
    return exitCode === 0 ? undefined : `exit code ${exitCode}: ${output.slice(-maxOutput)}`;
  } catch (error) {
    if (signal.aborted) throw error;
    if (limit.aborted) return `not done within ${hook.timeout ?? '60s'}`;
    return error instanceof Error ? error.message : String(error);
  }
};

const selectorText = ({ matchLabels, matchExpressions }: HookSpec['podSelector']): string => {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const sets = (matchExpressions ?? []).map(({ key, operator, values }) => {
    const list = `(${(values ?? []).join(',')})`;
    switch (operator) {
      case 'In':
        return `${key} in ${list}`;
      case 'NotIn':
        return `${key} notin ${list}`;
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
    }
  });
  return [...equal, ...sets].join(',');
};
