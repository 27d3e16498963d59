/**
 * What state servers, tapes and pools are in, from what was seen of them. Pure. Holders pass through untouched: they
 * are written by whoever claims and releases.
 */
import type { BackupServer, MediaPool, Tape } from '../../api/generated/index.ts';
import { bounded } from '../../api/status-text.ts';
import type { Node } from '../../kube/core-types.ts';
import { withHardwareReady, withPoolReady } from '../ready.ts';
import { noteRetry, retryAsked } from './retry-request.ts';

export type ServerStatus = NonNullable<BackupServer['status']>;
export type TapeStatus = NonNullable<Tape['status']>;
export type PoolStatus = NonNullable<MediaPool['status']>;

interface State<S extends string> {
  readonly state: S;
  /** Empty where there is nothing to explain. */
  readonly reason: string;
  readonly message: string;
}

interface Stated {
  state?: string;
  reason?: string;
  message?: string;
  stateSince?: string;
}

/** `stateSince` changes with the state alone. */
export const withState = <T extends Stated>(status: T, found: State<NonNullable<T['state']>>, now: string): T => ({
  ...status,
  ...found,
  message: bounded(found.message, 'detail'),
  stateSince: status.state === found.state ? (status.stateSince ?? now) : now,
});

export const decideServer = (server: BackupServer, node: Node | undefined, now: string): ServerStatus => {
  const before: ServerStatus = server.status ?? {};
  const info = node?.status?.nodeInfo;
  const stated: ServerStatus = {
    ...withState(before, serverState(server, node), now),
    ...(info === undefined ? {} : { machineID: info.machineID, bootID: info.bootID }),
  };
  const next = withHardwareReady(stated, server.metadata.generation, now);
  const seenAnew = next.state !== before.state || next.bootID !== before.bootID || next.machineID !== before.machineID;
  return node !== undefined && seenAnew ? { ...next, lastSeen: now } : next;
};

const serverState = ({ spec, status }: BackupServer, node: Node | undefined): State<ServerStateName> => {
  if (node === undefined) {
    return { state: 'NotUsable', reason: 'NodeMissing', message: `there is no node ${spec.node}` };
  }
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready?.status !== 'True') {
    const why = ready?.message === undefined || ready.message === '' ? (ready?.reason ?? 'no report') : ready.message;
    return { state: 'NotUsable', reason: 'NodeNotReady', message: `node ${spec.node} is not ready: ${why}` };
  }
  const held = (status?.holders ?? []).length;
  if (spec.disabled === true) return disabledServer(held);
  return { state: held > 0 ? 'InUse' : 'Usable', reason: '', message: '' };
};

/** What it does it may end; its node is well, so that streams on it are not taken for lost. */
const disabledServer = (held: number): State<ServerStateName> =>
  held === 0
    ? { state: 'NotUsable', reason: 'Disabled', message: 'spec.disabled is set' }
    : { state: 'InUse', reason: 'Disabled', message: `spec.disabled is set: ${held} to end, no new ones start` };

type ServerStateName = NonNullable<ServerStatus['state']>;

/**
 * A held tape is InUse, a free one is what its last user left it as. What an inventory, a label check or a failed
 * unload found stands until they find something else, or until somebody asks to try the tape again.
 */
export const decideTape = (tape: Tape, now: string): TapeStatus =>
  withHardwareReady(statedTape(tape, now), tape.metadata.generation, now);

const statedTape = (tape: Tape, now: string): TapeStatus => {
  const status: TapeStatus = tape.status ?? {};
  const asked = retryAsked(tape);
  if (asked !== undefined && isRetryable(status)) {
    const conditions = noteRetry(status.conditions, asked, now);
    // An inventory says what it is, and where its data end is read when it is loaded.
    const { freeState: _past, ...rest } = status;
    return { ...withState(rest, unknown, now), conditions };
  }
  return { ...status, ...tapeState(tape, status, now) };
};

const isRetryable = ({ state, holder }: TapeStatus): boolean =>
  state === 'NotUsable' || state === 'Foreign' || (state === 'Full' && holder === undefined);

type TapeState = NonNullable<TapeStatus['state']>;

const unknown = { state: 'Unknown', reason: 'NotYetSeen', message: 'no inventory has seen it yet' } as const;

const tapeState = (tape: Tape, status: TapeStatus, now: string): Partial<TapeStatus> => {
  // As a value of its own: an absent property escapes the compiler's proof that all cases are there.
  const was: TapeState | undefined = status.state;
  switch (was) {
    case undefined:
      return withState(status, unknown, now);
    case 'Scratch':
    case 'Usable':
    case 'Full':
    case 'InUse': {
      const state = status.holder === undefined ? (status.freeState ?? leftAs(was)) : 'InUse';
      return state === was ? {} : { state, stateSince: now };
    }
    case 'NotUsable':
    case 'Foreign':
    case 'Exported':
    case 'Unknown':
      return {};
  }
};

/** Nobody noted what a freed tape is: an inventory has to. */
const leftAs = (state: 'Scratch' | 'Usable' | 'Full' | 'InUse'): TapeState => (state === 'InUse' ? 'Unknown' : state);

export const decidePool = (pool: MediaPool, tapes: readonly Tape[], now: string): PoolStatus =>
  withPoolReady(counted(pool, tapes), pool.metadata.generation, now);

const counted = (pool: MediaPool, tapes: readonly Tape[]): PoolStatus => {
  const own = tapes.filter((tape) => tape.spec.pool === pool.metadata.name);
  const count = (state: TapeState): number => own.filter((tape) => (tape.status?.state ?? 'Unknown') === state).length;
  return {
    ...pool.status,
    tapes: {
      total: own.length,
      scratch: count('Scratch'),
      usable: count('Usable'),
      inUse: count('InUse'),
      full: count('Full'),
      notUsable: count('NotUsable'),
      foreign: count('Foreign'),
      exported: count('Exported'),
      unknown: count('Unknown'),
    },
    freeBytes: own.reduce((sum, tape) => sum + freeBytesOf(tape), 0),
  };
};

const freeBytesOf = ({ status }: Tape): number => {
  const writable = status?.state === 'Scratch' || status?.state === 'Usable';
  return writable ? Math.max(0, (status.capacityBytes ?? 0) - (status.usedBytes ?? 0)) : 0;
};
