import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../kube/api.ts';
import { asTheyAre } from './objects-as-they-are.ts';
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
  readonly output?: 'json' | 'yaml' | 'wide';
  readonly watch: boolean;
}

export interface StatusDeps {
  readonly api: Api;
  readonly operatorNamespace: () => Promise<string>;
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
  const tellNews = newsTeller(deps, order);
  for (;;) {
    const work = await observe();
    if (deps.screen.isTerminal) deps.screen.redraw(await render(deps, order, name, work));
    else tellNews(work);
    if (name !== undefined && work.every(({ object }) => object.status?.completionTime !== undefined)) return;
    await sleep(watchMs, undefined, { signal: deps.signal });
  }
};

/** Elsewhere than on a terminal: one header, then a line for each object whose line says something new. */
const newsTeller = ({ screen, paint, nowMs }: StatusDeps, order: StatusOrder) => {
  const told = new Map<string, string>();
  const options = { paint, withNamespace: order.namespace === undefined, withBars: false, wide: false };
  /** Ages grow, which is no news. */
  const timeless = (one: Work): string => formatStatusTable([one], { ...options, nowMs: 0 }).join('\n');
  let begun = false;
  return (work: readonly Work[]): void => {
    const news = work.filter((one) => {
      const uid = one.object.metadata.uid ?? '';
      const row = timeless(one);
      if (told.get(uid) === row) return false;
      told.set(uid, row);
      return true;
    });
    if (news.length === 0) return;
    const lines = formatStatusTable(news, { ...options, nowMs: nowMs() });
    screen.print(begun ? lines.slice(1) : lines);
    begun = true;
  };
};

const render = async (
  deps: StatusDeps,
  order: StatusOrder,
  name: WorkName | undefined,
  work: readonly Work[],
): Promise<readonly string[]> => {
  const { output } = order;
  if (output === 'json' || output === 'yaml') return [asTheyAre(output, work, name !== undefined)];
  const { paint, screen } = deps;
  const nowMs = deps.nowMs();
  const wide = output === 'wide';
  if (name !== undefined && !wide) return tellStories(deps, work, nowMs);
  if (work.length === 0) {
    return [
      order.namespace === undefined ? 'no jobs and no restores' : `no jobs and no restores in ${order.namespace}`,
    ];
  }
  const withBars = order.watch && screen.isTerminal;
  return formatStatusTable(work, { nowMs, paint, withNamespace: order.namespace === undefined, withBars, wide });
};

export const tellStories = async (
  deps: Pick<StatusDeps, 'api' | 'operatorNamespace' | 'paint' | 'signal'>,
  work: readonly Work[],
  nowMs: number,
): Promise<readonly string[]> => {
  const stories: string[][] = [];
  for (const one of work) {
    const names = one.object.status?.records ?? [];
    const records =
      names.length === 0 ? [] : await readRecords(deps.api, names, await deps.operatorNamespace(), deps.signal);
    stories.push([...tellStory(one, { nowMs, paint: deps.paint, records })]);
  }
  return stories.flatMap((story, index) => (index === 0 ? story : ['', ...story]));
};
