/**
 * Custom resources can be used once their definitions are established. `kubectl wait` is not asked for it: it fails on a
 * definition that has no condition yet ("conditions accessor error: <nil> is of the type <nil>").
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubectlResult } from './kubectl.ts';

interface Definition {
  readonly metadata?: { readonly name?: string };
  readonly status?: { readonly conditions?: readonly { readonly type?: string; readonly status?: string }[] | null };
}

type Kubectl = (args: readonly string[]) => Promise<KubectlResult>;

/** Of what `kubectl get -o json` prints: one object, or a list. Pure. */
export const notEstablished = (json: string): readonly string[] => {
  const printed = JSON.parse(json) as Definition & { readonly items?: readonly Definition[] };
  return (printed.items ?? [printed])
    .filter(
      ({ status }) => !(status?.conditions ?? []).some((one) => one.type === 'Established' && one.status === 'True'),
    )
    .map(({ metadata }) => metadata?.name ?? '');
};

/**
 * @param path a file or a folder with definitions that have been applied
 * @throws Error naming those that are not established in time, or what kubectl said
 */
export async function untilEstablished(kubectl: Kubectl, path: string, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const { code, stdout, stderr } = await kubectl(['get', '-f', path, '-o', 'json']);
    if (code !== 0) throw new Error(`kubectl get -f ${path}: ${stderr.trim()}`);
    const missing = notEstablished(stdout);
    if (missing.length === 0) return;
    if (performance.now() > end) throw new Error(`not established in ${withinMs / 1000} s: ${missing.join(', ')}`);
    await sleep(100);
  }
}
