import type { Condition } from '../api/generated/index.ts';
import { isApiError, type KubeObject, type Resource } from '../kube/api.ts';
import type { KubeEvent } from '../kube/core-types.ts';
import { events } from '../kube/resources.ts';
import { ageOf } from './amounts.ts';
import { CliError } from './cli-error.ts';
import { describedKinds, parseKindName, type KindName } from './names.ts';
import { asTheyAre } from './objects-as-they-are.ts';
import { parseWorkName, readList, readNamed, readOne } from './observe.ts';
import type { ObjectFormat } from './orders.ts';
import { toneOf } from './paint.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';
import { tellStories } from './status.ts';
import { conditionLines, type Part } from './story.ts';
import * as stories from './story-hardware.ts';
import { formatTable } from './table.ts';

interface DescribeOrder {
  readonly name: string;
  readonly output?: ObjectFormat;
}

/** @throws CliError, ApiError */
export const describe = async (session: Session, { name, output }: DescribeOrder): Promise<number> => {
  const named = parseKindName(name);
  if (named === undefined || named.kind === 'backupjobs' || named.kind === 'restores')
    return describeWork(session, name, output);
  const { screen } = session;
  const kind = describedKinds[named.kind].kind;
  const found = await readDescribed(session, named.kind, named.name);
  screen.print(
    output === undefined
      ? await tellHardware(session, found)
      : [asTheyAre(output, [{ kind, object: found.object }], true)],
  );
  return 0;
};

const describeWork = async (session: Session, name: string, output: ObjectFormat | undefined): Promise<number> => {
  const { api, namespace, signal, screen } = session;
  const work = await readNamed(api, parseWorkName(name), namespace, signal);
  if (output !== undefined) {
    screen.print([asTheyAre(output, work, true)]);
    return 0;
  }
  screen.print(await tellStories(session, work, session.nowMs()));
  for (const { object } of work) screen.print(formatParts(session, [await eventPart(session, object)]));
  return 0;
};

type Described = {
  [K in KindName]: {
    readonly kind: K;
    readonly object: NonNullable<(typeof describedKinds)[K]['shape']>;
  };
}[KindName];

const readDescribed = async (session: Session, kind: KindName, name: string): Promise<Described> => {
  const get = async <T extends KubeObject>(resource: Resource<T>): Promise<T> => readThing(session, resource, name);
  switch (kind) {
    case 'backupjobs':
      return { kind, object: await get(describedKinds[kind]) };
    case 'restores':
      return { kind, object: await get(describedKinds[kind]) };
    case 'backupschedules':
      return { kind, object: await get(describedKinds[kind]) };
    case 'backupservers':
      return { kind, object: await get(describedKinds[kind]) };
    case 'tapelibraries':
      return { kind, object: await get(describedKinds[kind]) };
    case 'tapes':
      return { kind, object: await get(describedKinds[kind]) };
    case 'fcswitches':
      return { kind, object: await get(describedKinds[kind]) };
    case 'copydevices':
      return { kind, object: await get(describedKinds[kind]) };
    case 'mediapools':
      return { kind, object: await get(describedKinds[kind]) };
    case 'backupsaverecords':
      return { kind, object: await get(describedKinds[kind]) };
  }
};

const readThing = async <T extends KubeObject>(session: Session, resource: Resource<T>, name: string): Promise<T> => {
  const { api, signal } = session;
  // Records stand in the operator's namespace, whoever's backup they are of.
  const namespace = resource.plural === 'backupsaverecords' ? await session.operatorNamespace() : session.namespace;
  const within = resource.namespaced ? { namespace } : {};
  const found = await readOne(api, resource, { ...within, name: name.toLowerCase() }, signal);
  if (found !== undefined) return found;
  const others = await readList(api, resource, resource.namespaced ? namespace : undefined, signal);
  const names = others.slice(0, 20).map(({ metadata }) => metadata?.name ?? '');
  const there = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  const more = others.length > names.length ? ' and more' : '';
  throw new CliError('NotFound', `there is no ${resource.kind} ${name}; ${there}${more}`);
};

const toldOf = (found: Described, session: Session, nowMs: number): stories.Told => {
  switch (found.kind) {
    case 'backupservers':
      return stories.serverStory(found.object);
    case 'tapelibraries':
      return stories.libraryStory(found.object, { paint: session.paint, nowMs, wide: true });
    case 'tapes':
      return stories.tapeStory(found.object, nowMs);
    case 'fcswitches':
      return stories.switchStory(found.object);
    case 'backupschedules':
      return stories.scheduleStory(found.object, nowMs);
    case 'mediapools':
      return stories.poolStory(found.object);
    case 'backupsaverecords':
      return stories.recordStory(found.object);
    case 'copydevices':
    case 'backupjobs':
    case 'restores':
      return { facts: [], parts: [] };
  }
};

interface Stated {
  readonly state?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly Condition[];
}

const tellHardware = async (session: Session, given: Described): Promise<readonly string[]> => {
  const { paint } = session;
  const nowMs = session.nowMs();
  const found = printable(given);
  const { metadata, spec } = found.object;
  const status: Stated = found.object.status ?? {};
  const { facts, parts } = toldOf(found, session, nowMs);
  const state = status.state ?? '';
  const disabled = 'disabled' in spec && spec.disabled ? 'taken out of use (spec.disabled)' : '';
  const why = [status.reason, status.message].filter((text) => text !== undefined && text !== '').join(': ');
  const rows = [['why', why], ['drained', disabled], ...facts].filter(([, text]) => text !== undefined && text !== '');
  return [
    `${paint('title', `${describedKinds[found.kind].kind} ${metadata.name}`)}   ${paint(toneOf(state), state)}`.trimEnd(),
    ...formatTable(
      [],
      rows.map(([name = '', text = '']) => [`  ${name}`, text]),
    ),
    ...formatParts(session, [
      ...parts,
      { title: 'Conditions', lines: conditionLines(status.conditions, { nowMs, paint }) },
      await eventPart(session, found.object),
    ]),
  ];
};

const formatParts = ({ paint }: Pick<Session, 'paint'>, parts: readonly Part[]): readonly string[] =>
  parts
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ title, lines }) => ['', paint('title', title), ...lines.map((line) => `  ${line}`)]);

const newestEvents = 12;

/** The newest last. Who may not read events gets none. */
const eventPart = async ({ api, signal, nowMs, paint }: Session, { metadata }: KubeObject): Promise<Part> => {
  const title = 'Events';
  const within = metadata?.namespace === undefined ? {} : { namespace: metadata.namespace };
  try {
    const options = { ...within, fieldSelector: `regarding.uid=${metadata?.uid ?? ''}` };
    const { items } = await api.list<KubeEvent>(events, options, signal);
    const sorted = printable(items).toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
    const rows = sorted.slice(-newestEvents).map((event) => {
      const times = event.series === undefined ? '' : ` (${String(event.series.count)} times)`;
      return [
        `${ageOf(timeOf(event), nowMs()) ?? '?'} ago`,
        event.type === 'Warning' ? paint('bad', event.type) : (event.type ?? ''),
        event.reason ?? '',
        `${event.note ?? ''}${times}`,
      ];
    });
    return { title, lines: formatTable([], rows) };
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return { title, lines: [] };
    throw error;
  }
};

const timeOf = ({ series, eventTime, metadata }: KubeEvent): string =>
  series?.lastObservedTime ?? eventTime ?? metadata?.creationTimestamp ?? '';
