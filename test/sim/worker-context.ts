import type { Holder } from '../../src/api/generated/index.ts';
import { tapeLibraries, tapes } from '../../src/api/resources.ts';
import type { FaultDomain, TapeFacts, TerminationMessage, WorkerOrder } from '../../src/api/worker-order.ts';
import type { ApiServer } from './api-server.ts';
import type { Container, End } from './container.ts';
import type { Hardware, RealTape } from './hardware.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** What a simulated worker has around it. */
export interface WorkerContext {
  readonly api: ApiServer;
  readonly hardware: Hardware;
  readonly timeline: Timeline;
  readonly random: Random;
  /** The node reaches the API. */
  readonly isOnline: (node: string) => boolean;
  /** Is this fault to happen now? None does once the simulation has calmed down. */
  readonly strikes: (probability: number) => boolean;
  /** Checks what must hold when a tape is written. */
  readonly onTapeWrite: (container: Container, tape: RealTape) => void;
}

export class Stop extends Error {
  readonly end: End;
  constructor(end: End) {
    super(end.message?.reason ?? 'killed');
    this.end = end;
  }
}

export const failure = (
  order: WorkerOrder,
  reason: string,
  fault: FaultDomain,
  exitCode: number,
  more: Partial<TerminationMessage> = {},
): Stop =>
  new Stop({
    exitCode,
    message: { v: 1, role: order.role, outcome: 'failed', reason, fault, message: reason, ...more },
  });

export const stopped = (order: WorkerOrder, reason: string, lostBytes = 0): Stop =>
  new Stop({
    exitCode: 143,
    message: { v: 1, role: order.role, outcome: 'stopped', reason, message: reason, lostBytes },
  });

export const succeeded = (order: WorkerOrder, more: Partial<TerminationMessage> = {}): End => ({
  exitCode: 0,
  message: { v: 1, role: order.role, outcome: 'succeeded', reason: 'Done', message: 'done', ...more },
});

/** Goes on when the node reaches the API and nobody has told the worker to end. */
export function* online(context: WorkerContext, container: Container): Generator<number, void, void> {
  while (!context.isOnline(container.node)) {
    if (container.stopAsked) throw stopped(container.order, 'Terminated');
    yield 1_000;
  }
  if (container.stopAsked) throw stopped(container.order, 'Terminated');
}

type GrantedOrder = Extract<WorkerOrder, { readonly role: 'load' | 'unload' | 'backup' | 'restore' }>;

/** The same two reads as `src/worker/holder-check.ts`, one after the other. */
export function* checkHolder(
  context: WorkerContext,
  container: Container,
  order: GrantedOrder,
): Generator<number, void, void> {
  yield* online(context, container);
  const tape = context.api.find(tapes, { name: order.tape.name })?.status?.holder;
  yield context.random.int(300);
  yield* online(context, container);
  const library = context.api.find(tapeLibraries, { name: order.library.name });
  const drive = library?.status?.drives?.find(({ name }) => name === order.drive.name)?.holder;
  const isOurs = (holder: Holder | undefined): boolean =>
    holder?.uid === order.job.uid && holder.epoch === order.grant.epoch;
  if (!isOurs(tape) || !isOurs(drive)) throw failure(order, 'NotTheHolder', 'order', 2);
  container.mayAct = true;
  yield context.random.int(300);
}

export const tapeFacts = (tape: RealTape): TapeFacts => ({
  barcode: tape.barcode,
  groups: tape.groups.length,
  usedBytes: 8192 + 1_000_000 * tape.groups.length,
  capacityBytes: 8192 + 1_000_000 * tape.capacity,
  ...(tape.labelId === undefined ? {} : { labelId: tape.labelId }),
});
