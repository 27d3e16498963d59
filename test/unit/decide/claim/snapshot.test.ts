import { describe, expect, it } from 'vitest';
import { anchorName, cloneName, snapshotName } from '../../../../src/api/names.ts';
import type { JobStatus } from '../../../../src/decide/job/job-view.ts';
import type { ClaimView } from '../../../../src/decide/claim/anchors.ts';
import type { AnchorFacts } from '../../../../src/decide/claim/claims.ts';
import type { CloneFacts, SnapshotFacts } from '../../../../src/decide/claim/clones.ts';
import { eventsBetween } from '../../../../src/decide/job/job-events.ts';
import { finalise, phaseOf } from '../../../../src/decide/job/job-status.ts';
import { effectiveSpec } from '../../../../src/decide/job/effective-spec.ts';
import { resumed } from '../../../../src/decide/job/resume.ts';
import { aGrant, aJob, aPod, decide, now, nowMs, stepsOf, streamPod, uid, type Scene } from '../job-objects.ts';

const patienceMs = 600_000;
const at = (msAgo: number): string => new Date(nowMs - msAgo).toISOString();
const facts = (more: Partial<SnapshotFacts> = {}): SnapshotFacts => ({
  uid: 'u',
  deleting: false,
  ready: false,
  ...more,
});
const clone = (number: number, more: Partial<CloneFacts> = {}): CloneFacts => ({
  ...{ name: cloneName(uid, number, number + 1), uid: `clone-${number}`, state: 'bound', deleting: false },
  ...{ ageMs: 0, why: '' },
  ...more,
});
const anchor = (number: number, more: Partial<AnchorFacts> = {}): AnchorFacts => {
  const [node, claim] = [`node-${number}`, cloneName(uid, number, number + 1)];
  const name = anchorName(uid, node, claim);
  return { ...{ name, uid: name, node, claim, state: 'ready', deleting: false, ageMs: 0, why: '' }, ...more };
};

interface Shown {
  readonly facts?: SnapshotFacts;
  readonly clones?: readonly CloneFacts[];
  readonly anchors?: readonly AnchorFacts[];
}

const claim = ({ facts: seen, clones = [], anchors = [] }: Shown): ClaimView => ({
  ...{ what: 'claim shop/data', anchors, startMs: 60_000 },
  snapshot: { uid, facts: seen, clones, patienceMs },
});

const hook = {
  podSelector: { matchLabels: { app: 'db' } },
  command: ['true'],
  timeout: '60s',
  onError: 'Fail' as const,
};
const hooks = { before: [hook], after: [hook] };
const frozen = [{ when: 'Before', index: 0, state: 'Succeeded', attempts: 1 }] as const;
const plan = { segments: 0, complete: false, pod: undefined };
const ready = [aGrant(0, 'Ready'), aGrant(1, 'Ready')];
const name = snapshotName(uid, 3);
const asked = { name, requestedAt: at(1_000) };

const scene = (shown: Shown, more: Scene = {}): Scene => ({
  ...{ streams: ready, plan, claim: claim(shown) },
  ...more,
  status: { phase: 'Preparing', nextEpoch: 3, ...more.status },
});
const given = (snapshot: JobStatus['snapshot'], more: Partial<JobStatus> = {}): Scene => ({
  status: { ...(snapshot === undefined ? {} : { snapshot }), ...more },
});

describe('the snapshot of a job', () => {
  it('is not asked for before every route is prepared', () => {
    const early = decide(scene({}, { streams: [aGrant(0, 'Ready'), aGrant(1, 'Preparing')] }));
    expect(stepsOf(early, 'takeSnapshot')).toBe('');
    expect(early.status.snapshot).toBeUndefined();
  });

  it('is asked for by a name that stands in the status, and nothing is read meanwhile', () => {
    const decided = decide(scene({}));
    expect(stepsOf(decided)).toBe('takeSnapshot');
    expect(decided.status.snapshot).toEqual({ name, requestedAt: now });
    expect(phaseOf(decided.status)).toBe('Quiescing');
  });

  it('waits for the application to be quiesced', () => {
    expect(stepsOf(decide(scene({}, { job: { hooks } })))).toBe('runHook');
    expect(stepsOf(decide(scene({}, { job: { hooks }, ...given(undefined, { hooks: [...frozen] }) })))).toBe(
      'takeSnapshot',
    );
  });

  it('is made again where the status names it and it never was', () => {
    expect(stepsOf(decide(scene({}, given(asked))))).toBe('takeSnapshot');
    expect(stepsOf(decide(scene({ facts: facts() }, given(asked))))).toBe('');
  });

  it('wakes the application as soon as it is cut, though it can not be read yet', () => {
    const taken = { facts: facts({ takenAt: at(500) }) };
    const decided = decide(scene(taken, { job: { hooks }, ...given(asked, { hooks: [...frozen] }) }));
    expect(decided.steps).toMatchObject([{ kind: 'runHook', run: { when: 'After' } }]);
    expect(decided.status).toMatchObject({ dataTime: at(500), snapshot: { takenAt: at(500), uid: 'u' } });
    expect(decided.status.snapshot?.ready).toBeUndefined();
  });

  it('is cloned for every stream once it can be read', () => {
    const decided = decide(scene({ facts: facts({ ready: true }) }, given(asked)));
    expect(stepsOf(decided)).toBe('ensureClone 0, ensureClone 1');
    expect(decided.status.snapshot).toMatchObject({ ready: true, takenAt: now });
  });

  it.each<{
    name: string;
    snapshot: NonNullable<JobStatus['snapshot']>;
    seen?: SnapshotFacts;
    ends?: string;
    says?: string;
  }>([
    {
      name: 'an error that is new is waited out',
      snapshot: asked,
      seen: facts({ error: 'conflict' }),
    },
    {
      name: 'an error that stands ends the job',
      snapshot: { ...asked, uid: 'u', failingSince: at(30_001) },
      seen: facts({ error: 'no space' }),
      ends: 'SnapshotFailed',
      says: `snapshot ${name} of claim shop/data failed: no space`,
    },
    {
      name: 'an error that went away starts anew',
      snapshot: { ...asked, uid: 'u', failingSince: at(30_001), message: 'conflict' },
      seen: facts(),
    },
    {
      name: 'one that is not cut in time ends the job',
      snapshot: { name, requestedAt: at(patienceMs + 1) },
      seen: facts(),
      ends: 'SnapshotNotReady',
      says: 'was not taken in 600 s (--snapshot-timeout): see whether the snapshot controller',
    },
    {
      name: 'one that is not readable in time ends the job',
      snapshot: { name, uid: 'u', requestedAt: at(patienceMs + 1) },
      seen: facts({ takenAt: at(patienceMs) }),
      ends: 'SnapshotNotReady',
      says: 'was taken, but could not be read in 600 s',
    },
    {
      name: 'one that is late and failing tells the error',
      snapshot: { name, uid: 'u', requestedAt: at(patienceMs + 1) },
      seen: facts({ error: 'no space' }),
      ends: 'SnapshotFailed',
      says: 'no space',
    },
    {
      name: 'one that somebody deletes ends the job',
      snapshot: { ...asked, uid: 'u' },
      seen: facts({ deleting: true }),
      ends: 'SnapshotFailed',
      says: 'was deleted before it could be read',
    },
    {
      name: 'one that was seen and is gone is not made again',
      snapshot: { ...asked, uid: 'u' },
      ends: 'SnapshotFailed',
      says: 'was deleted before it could be read',
    },
    {
      name: 'another one of that name is not read',
      snapshot: { ...asked, uid: 'u' },
      seen: facts({ uid: 'other' }),
      ends: 'SnapshotFailed',
      says: 'was deleted before it could be read',
    },
    {
      name: 'a refusal of the cluster ends the job',
      snapshot: { ...asked, refused: true, message: 'exceeded quota' },
      ends: 'SnapshotFailed',
      says: 'exceeded quota',
    },
  ])('$name', ({ snapshot, seen, ends, says }) => {
    const { status } = decide(scene(seen === undefined ? {} : { facts: seen }, given(snapshot)));
    expect(status.ending?.reason).toBe(ends);
    if (says !== undefined) expect(status.ending?.message).toContain(says);
  });

  it('forgets an error that went away', () => {
    const failing = { ...asked, uid: 'u', failingSince: at(1), message: 'conflict' };
    const { status } = decide(scene({ facts: facts() }, given(failing)));
    expect(status.snapshot).toEqual({ ...asked, uid: 'u' });
  });

  it('is told of by an event once it is cut', () => {
    const events = eventsBetween({ snapshot: asked }, { snapshot: { ...asked, takenAt: at(500) } });
    expect(events).toMatchObject([{ type: 'Normal', reason: 'SnapshotTaken' }]);
    expect(
      eventsBetween({ snapshot: { ...asked, takenAt: at(500) } }, { snapshot: { ...asked, takenAt: at(500) } }),
    ).toEqual([]);
  });

  it('is another one after a suspension', () => {
    const before: JobStatus = { phase: 'Suspended', snapshot: { ...asked, ready: true } };
    expect(resumed(before, effectiveSpec(aJob()), now).snapshot).toBeUndefined();
  });

  it.each([
    { name: 'makes a backup consistent', status: {}, is: 'True', reason: 'Snapshot' },
    {
      name: 'of a job that was interrupted does not',
      status: { interrupted: true },
      is: 'False',
      reason: 'Interrupted',
    },
  ])('$name', ({ status, is, reason }) => {
    const snapshot = { ...asked, ready: true, takenAt: at(500) };
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: 'm', copies: 2 } as const;
    const { conditions } = finalise({ ...status, snapshot, ending }, effectiveSpec(aJob()), 1, now);
    expect(conditions?.find(({ type }) => type === 'Consistent')).toMatchObject({ status: is, reason });
  });
});

describe('a clone of a snapshot', () => {
  const readable = given({ ...asked, uid: 'u', ready: true, takenAt: at(500) });

  it('is mounted once it is bound, each by an anchor of its own', () => {
    const decided = decide(scene({ clones: [clone(0), clone(1, { state: 'pending' })] }, readable));
    expect(decided.steps).toMatchObject([
      { kind: 'ensureAnchor', grant: { epoch: 1, node: 'node-0' }, clone: cloneName(uid, 0, 1) },
    ]);
  });

  it('is planned and read as soon as it is mounted', () => {
    const clones = [clone(0), clone(1)];
    const anchors = [anchor(0), anchor(1, { state: 'starting' })];
    const decided = decide(scene({ clones, anchors }, readable));
    expect(stepsOf(decided, 'launchPlan', 'launchBackup')).toBe('launchPlan, launchBackup 0');
  });

  it('is made anew for a replacement, which has another epoch', () => {
    const streams = [aGrant(0, 'Running'), aGrant(1, 'Ready', { epoch: 7, node: 'node-2', server: 'server-2' })];
    const retired = [aGrant(1, 'Fencing')];
    const shown = { clones: [clone(0), clone(1)], anchors: [anchor(0), anchor(1)] };
    const decided = decide(scene(shown, { ...readable, streams, retired, pods: [streamPod(0)] }));
    expect(decided.steps.filter(({ kind }) => kind === 'ensureClone')).toMatchObject([{ grant: { epoch: 7 } }]);
    expect(stepsOf(decided, 'dropClone', 'dropAnchor')).toBe('');
  });

  it.each([
    {
      name: 'late',
      more: { state: 'pending', ageMs: patienceMs + 1, why: 'no room' },
      says: 'not bound in 600 s: no room',
    },
    { name: 'lost', more: { state: 'lost' }, says: 'has lost its volume' },
    { name: 'deleted by somebody', more: { deleting: true }, says: 'was deleted' },
  ] as const)('that is $name costs its stream the route', ({ more, says }) => {
    const { status } = decide(scene({ clones: [clone(0), clone(1, more)], anchors: [anchor(0)] }, readable));
    expect(status.ending).toBeUndefined();
    expect(status.streams?.[1]).toMatchObject({ state: 'Waiting', reason: 'CloneNotBound' });
    expect(status.streams?.[1]?.message).toContain(says);
    expect(status.avoid?.servers).toEqual(['server-1']);
  });

  it('goes with its anchor when its grant is gone, and stays while a planner reads it', () => {
    const streams = [aGrant(0, 'Released'), aGrant(1, 'Ready')];
    const both = { clones: [clone(0), clone(1)], anchors: [anchor(0), anchor(1)] };
    const first = decide(scene(both, { ...readable, streams }));
    expect(first.steps.filter(({ kind }) => kind.startsWith('drop'))).toEqual([
      { kind: 'dropAnchor', pod: anchor(0).name, uid: anchor(0).uid },
    ]);
    const then = decide(scene({ ...both, anchors: [anchor(1)] }, { ...readable, streams }));
    expect(then.steps).toContainEqual({ kind: 'dropClone', claim: cloneName(uid, 0, 1), uid: 'clone-0' });
    const planner = { ...plan, pod: aPod('plan', { node: 'node-0' }) };
    const read = decide(scene(both, { ...readable, streams, plan: planner }));
    expect(stepsOf(read, 'dropAnchor', 'dropClone')).toBe('');
  });
});
