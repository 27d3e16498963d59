import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { operatorNamespace } from '../api/names.ts';
import type { Api } from '../kube/api.ts';
import { parseWorkName, readAll, readNamed, readRecords, type Work, type WorkName } from './observe.ts';
import type { Paint } from './paint.ts';
import { formatStatusTable } from './status-table.ts';
import { tellStory } from './story.ts';
import type { Screen } from './terminal.ts';

export interface StatusOrder {
  /** Absent: all. */
  readonly job?: string;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly output?: 'json' | 'yaml';
  readonly watch: boolean;
}

export interface StatusDeps {
  readonly api: Api;
  readonly screen: Screen;
  readonly paint: Paint;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

const watchMs = 1000;

/** Shows jobs and restores once, or until they have ended or the signal comes. @throws CliError, ApiError */
export const showStatus = async (deps: StatusDeps, order: StatusOrder): Promise<void> => {
  const name = order.job === undefined ? undefined : parseWorkName(order.job);
  const observe = async (): Promise<readonly Work[]> =>
    name === undefined
      ? readAll(deps.api, order.namespace, deps.signal)
      : readNamed(deps.api, name, order.namespace ?? 'default', deps.signal);
  if (order.watch) return watch(deps, order, name, observe);
  deps.screen.print(await render(deps, order, name, await observe()));
};

const watch = async (
  deps: StatusDeps,
  order: StatusOrder,
  name: WorkName | undefined,
  observe: () => Promise<readonly Work[]>,
): Promise<void> => {
  let said = '';
  for (;;) {
    const work = await observe();
    // Elsewhere than on a terminal only news are told, each in a line of its own.
    const versions = work.map(({ object }) => object.metadata.resourceVersion).join();
    if (deps.screen.isTerminal || versions !== said) deps.screen.redraw(await render(deps, order, name, work));
    said = versions;
    if (name !== undefined && work.every(({ object }) => object.status?.completionTime !== undefined)) return;
    await sleep(watchMs, undefined, { signal: deps.signal });
  }
};

const render = async (
  deps: StatusDeps,
  order: StatusOrder,
  name: WorkName | undefined,
  work: readonly Work[],
): Promise<readonly string[]> => {
  if (order.output !== undefined) return [dump(order.output, name, work)];
  const { paint, screen } = deps;
  const nowMs = deps.nowMs();
  if (name !== undefined && !(order.watch && !screen.isTerminal)) return tellStories(deps, work, nowMs);
  if (work.length === 0) {
    return [
      order.namespace === undefined ? 'no jobs and no restores' : `no jobs and no restores in ${order.namespace}`,
    ];
  }
  const withBars = order.watch && screen.isTerminal;
  return formatStatusTable(work, { nowMs, paint, withNamespace: order.namespace === undefined, withBars });
};

const tellStories = async (deps: StatusDeps, work: readonly Work[], nowMs: number): Promise<readonly string[]> => {
  const stories: string[][] = [];
  for (const one of work) {
    const names = one.object.status?.records ?? [];
    const records = await readRecords(deps.api, names, operatorNamespace, deps.signal);
    stories.push([...tellStory(one, { nowMs, paint: deps.paint, records })]);
  }
  return stories.flatMap((story, index) => (index === 0 ? story : ['', ...story]));
};

/** One object as it is; several as a List, as `kubectl` prints them. */
const dump = (output: 'json' | 'yaml', name: WorkName | undefined, work: readonly Work[]): string => {
  const objects = work.map(({ kind, object }) => ({ apiVersion: 'twinreel.io/v1alpha1', kind, ...object }));
  const [only] = objects;
  const content =
    name !== undefined && objects.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: objects };
  return output === 'json' ? JSON.stringify(content, undefined, 2) : stringify(content).trimEnd();
};
