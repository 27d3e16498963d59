/** A restore as a pass sees it, for tests of decisions: two tapes, each with segments 0 to 3. */
import type { Grant, GrantState } from '../../../src/decide/grant/grant.ts';
import type { PodFacts } from '../../../src/decide/grant/pod-facts.ts';
import type { SegmentCopy } from '../../../src/decide/restore/restore-areas.ts';
import { decideRestore } from '../../../src/decide/restore/restore.ts';
import type { Choice, RestoreDecision, RestoreStatus, SeenRestore } from '../../../src/decide/restore/restore-view.ts';
import type { HeadFacts } from '../../../src/decide/job/stream-fault.ts';
import { aPod, now, nowMs, uid } from './job-objects.ts';

export const workerPod = (epoch: number, more: Partial<PodFacts> = {}): PodFacts =>
  aPod(`tw-1a2b3c4d-s0-e${epoch}`, { node: 'node-0', ...more });

export const aRestoreGrant = (epoch: number, state: GrantState, more: Partial<Grant> = {}): Grant => {
  const begun = ['Ready', 'Running', 'Fencing', 'Releasing'].includes(state);
  const worked = ['Running', 'Fencing', 'Releasing'].includes(state);
  return {
    ...{ number: 0, epoch, role: 'Active', state, server: 'server-0', node: 'node-0' },
    ...{ library: 'lib-0', drive: 'drive-0', tape: 't0', barcode: 'T0', zones: [], stateSince: now },
    ...(begun ? { zoned: true, loaded: true } : {}),
    ...(worked ? { pod: `tw-1a2b3c4d-s0-e${epoch}`, podStarted: true, bootID: 'boot-0' } : {}),
    ...more,
  };
};

export const copiesOn = (stream: number, segments: readonly number[] = [0, 1, 2, 3]): readonly SegmentCopy[] =>
  segments.map((segment) => ({
    ...{ segment, stream, library: `lib-${stream}`, tape: `t${stream}`, barcode: `T${stream}` },
    ...{ labelId: `label-${stream}`, bytes: 10 },
  }));

export const aChoice = (more: Partial<Choice> = {}): Choice => ({
  wanted: [{ first: 0, last: 3 }],
  copies: [...copiesOn(0), ...copiesOn(1)],
  outlook: () => ({ kind: 'now' }),
  ...more,
});

export const restoreHead = (epoch: number, more: Partial<HeadFacts> = {}): HeadFacts => ({
  ...{ epoch, sealed: false, closeAsked: false, activity: 'Reading', openSegment: undefined, openBytes: 0 },
  bytesDone: 0,
  ...more,
});

export interface RestoreScene extends Partial<Omit<SeenRestore, 'status' | 'view' | 'report'>> {
  readonly status?: Partial<RestoreStatus>;
  readonly streams?: readonly Grant[];
  readonly retired?: readonly Grant[];
  readonly pods?: readonly PodFacts[];
  readonly vouched?: readonly number[];
  readonly report?: Partial<SeenRestore['report']>;
  readonly atMs?: number;
}

export const seenRestore = (scene: RestoreScene): SeenRestore => {
  const { status, streams = [], retired = [], pods = [], vouched = [], report, atMs: _at, ...more } = scene;
  return {
    uid,
    status: { phase: 'Running', ...status, streams: [...streams], retired: [...retired] },
    ...{ paths: [], prefer: [], target: '/target', deleted: false, cancelAsked: false, activeDeadlineMs: undefined },
    startedAtMs: nowMs - 1_000,
    view: {
      ownerUid: uid,
      pods: new Map(pods.map((pod) => [pod.name, pod])),
      busyLibraries: new Set(),
      fenceVouched: ({ epoch }) => vouched.includes(epoch),
    },
    head: undefined,
    report: { done: [], bad: [], failureCount: 0, finished: false, found: [], ...report },
    choice: aChoice(),
    nodes: new Map(),
    boots: new Map(),
    silence: () => ({ headMs: 0, progressMs: 0 }),
    patience: { stallMs: 60_000, heartbeatMs: 100_000, preparationMs: 600_000, filesMs: 900_000, startMs: 60_000 },
    fenceTimeoutMs: 120_000,
    downSwitches: new Set(),
    ...more,
  };
};

export const decideOn = (scene: RestoreScene): RestoreDecision =>
  decideRestore(seenRestore(scene), scene.atMs ?? nowMs);

/** Such as `2 Ready | 1 Fencing`: epochs and states of the stream and of what is retired. */
export const grantsText = ({ status }: RestoreDecision): string => {
  const text = (grants: readonly Grant[] = []): string =>
    grants.map(({ epoch, state }) => `${epoch} ${state}`).join(', ');
  return `${text(status.streams)} | ${text(status.retired)}`;
};

export const stepsText = ({ steps }: RestoreDecision): string =>
  steps.map((step) => ('grant' in step ? `${step.kind} ${step.grant.epoch}` : step.kind)).join(', ');
