/** Twinreel on this machine for the time of the demo. */
import path from 'node:path';
import type { Api } from '../../src/kube/api.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { makeRestApi } from '../../src/kube/rest-api.ts';
import { runKubectl } from '../controlplane/kubectl.ts';
import { down } from '../local/down.ts';
import { type Layout, layoutOf, libraryFolder } from '../local/layout.ts';
import type { LocalOptions } from '../local/options.ts';
import { up } from '../local/up.ts';
import { DemoError } from './demo-error.ts';
import type { Teller } from './teller.ts';
import type { Timeline } from './timeline.ts';

export interface Cluster {
  readonly layout: Layout;
  readonly api: Api;
  /** Runs the kubectl that the user has; with `shown`, as the user sees it. @throws DemoError on any exit code but 0 */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly shown?: boolean }): Promise<string>;
  /** Folder of a library by its object's name. */
  libraryFolder(name: string): string;
  close(): void;
}

export interface StartOptions {
  /** New or empty. */
  readonly folder: string;
  readonly options: Partial<LocalOptions>;
  readonly teller: Teller;
  readonly times: Timeline;
  readonly signal: AbortSignal;
}

// What `up` says of the control plane when it answers, and goes on.
const answered = 'starting: CRDs and rights';

/** @throws what `up` throws; nothing runs then */
export async function startCluster({ folder, options, teller, times, signal }: StartOptions): Promise<Cluster> {
  const startMs = performance.now();
  let answeredMs: number | undefined;
  const log = (line: string): void => {
    if (line === answered) answeredMs = performance.now();
    // How far it is changes several times a second; what is said else, such as how far a build is, is worth a line.
    if (line.startsWith('starting: ')) teller.passing(line);
    else teller.say(line);
  };
  await up({ folder, given: options, withOperator: true, log, signal });
  const readyMs = performance.now();
  times.add('control plane', (answeredMs ?? readyMs) - startMs, 'etcd and kube-apiserver answer');
  times.add('operator ready', readyMs - (answeredMs ?? readyMs), 'CRDs, operator, agents, inventory');
  return openCluster(layoutOf(folder), teller, signal);
}

async function openCluster(layout: Layout, teller: Teller, signal: AbortSignal): Promise<Cluster> {
  const kubeConfig = await loadKubeConfig({ kubeconfig: layout.kubeconfig });
  const api = makeRestApi({ kubeConfig, userAgent: 'twinreel-demo' });
  return {
    layout,
    api,
    kubectl: async (args, { input, shown = false } = {}) => {
      const result = await runKubectl({
        executable: path.join(layout.executables, 'kubectl'),
        kubeconfig: layout.kubeconfig,
        cacheFolder: path.join(layout.folder, 'kubectl-cache'),
        args,
        signal,
        ...(input === undefined ? {} : { input }),
      });
      if (result.code !== 0) throw new DemoError(`kubectl ${args.join(' ')}: ${result.stderr.trim()}`);
      if (shown) teller.command(`kubectl ${args.join(' ')}`, result.stdout);
      return result.stdout;
    },
    libraryFolder: (name) => libraryFolder(layout, Number(name.slice('library-'.length))),
    close: () => api.close(),
  };
}

/** Ends every process of it. */
export async function stopCluster(folder: string): Promise<void> {
  await down(folder, () => undefined);
}
