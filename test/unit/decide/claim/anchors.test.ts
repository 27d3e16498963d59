import { describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../../src/api/generated/index.ts';
import { anchorName } from '../../../../src/api/names.ts';
import { anchorPod } from '../../../../src/decide/claim/anchor-pod.ts';
import { claimWishOf, isAnchored, tendAnchors } from '../../../../src/decide/claim/anchors.ts';
import type { ClaimView } from '../../../../src/decide/claim/anchors.ts';
import type { AnchorFacts } from '../../../../src/decide/claim/claims.ts';
import { grant, job, uid } from '../../../support/hardware-objects.ts';

const anchor = (node: string, changes: Partial<AnchorFacts> = {}): AnchorFacts => ({
  name: anchorName(uid, node),
  uid: `uid-${node}`,
  node,
  state: 'ready',
  deleting: false,
  ageMs: 0,
  why: '',
  ...changes,
});

const claim = (...anchors: readonly AnchorFacts[]): ClaimView => ({
  what: 'claim shop/data',
  anchors,
  startMs: 60_000,
});
const on = (node: string, changes: Parameters<typeof grant>[0] = {}) => grant({ server: node, node, ...changes });
const tend = (view: ClaimView, grants: ReturnType<typeof grant>[], ends = false, busyNodes: string[] = []) =>
  tendAnchors({ view: { ownerUid: uid }, claim: view, grants, ends, busyNodes });

describe('anchors', () => {
  it('come once for each node of a grant', () => {
    const { steps } = tend(claim(anchor('n1')), [on('n0', { state: 'Reserved' }), on('n0', { number: 2 }), on('n1')]);
    expect(steps).toEqual([{ kind: 'ensureAnchor', grant: on('n0', { state: 'Reserved' }) }]);
  });

  it('go when no grant holds on their node, unless the planner reads there', () => {
    const gone = { kind: 'dropAnchor', pod: anchorName(uid, 'n0'), uid: 'uid-n0' };
    const over = on('n0', { state: 'Released' });
    expect(tend(claim(anchor('n0')), [over]).steps).toEqual([gone]);
    expect(tend(claim(anchor('n0')), [over], false, ['n0']).steps).toEqual([]);
    expect(tend(claim(anchor('n0', { deleting: true })), [over]).steps).toEqual([]);
    expect(tend(claim(anchor('n0')), [on('n0', { state: 'Fencing' })], true).steps).toEqual([]);
  });

  it('are not begun by an owner that ends', () => {
    expect(tend(claim(), [on('n0', { state: 'Preparing' })], true)).toEqual({ steps: [], failures: [] });
  });

  it('that do not start in time are told with claim, node, pod and reason', () => {
    const late = anchor('n0', { state: 'starting', ageMs: 60_001, why: 'FailedMount: timed out' });
    expect(tend(claim(late), [on('n0', { state: 'Ready' })]).failures).toEqual([
      {
        node: 'n0',
        message: `claim shop/data could not be mounted on node n0: pod ${late.name} did not start in 60 s: FailedMount: timed out`,
      },
    ]);
    expect(tend(claim({ ...late, ageMs: 60_000 }), [on('n0', { state: 'Ready' })])).toEqual({
      steps: [],
      failures: [],
    });
  });

  it('that ended are a failure before the work, and made anew during it', () => {
    const ended = anchor('n0', { state: 'ended', why: 'Evicted' });
    const { failures: before } = tend(claim(ended), [on('n0', { state: 'Ready' }), on('n0', { state: 'Ready' })]);
    expect(before).toMatchObject([{ node: 'n0', message: expect.stringContaining('ended: Evicted') as string }]);
    const { steps, failures } = tend(claim(ended), [on('n0')]);
    expect(failures).toEqual([]);
    expect(steps).toMatchObject([{ kind: 'dropAnchor', uid: 'uid-n0' }]);
  });

  it('are nobody’s business without a claim', () => {
    expect(tendAnchors({ view: { ownerUid: uid }, grants: [on('n0')], ends: false, busyNodes: [] })).toEqual({
      steps: [],
      failures: [],
    });
    expect(isAnchored(uid, undefined, on('n0'))).toBe(true);
    expect(isAnchored(uid, claim(), on('n0'))).toBe(false);
    expect(isAnchored(uid, claim(anchor('n0')), on('n0'))).toBe(true);
  });
});

describe('the claim of a job', () => {
  it('is of its own namespace, read, with its path', () => {
    const base = job();
    const persistentVolumeClaim = { claimName: 'data', volumeMode: 'Filesystem' as const, path: 'a' };
    const { hostPath: _hostPath, ...source } = base.spec.source;
    const of: BackupJob = { ...base, spec: { ...base.spec, source: { ...source, persistentVolumeClaim } } };
    const wish = { namespace: 'default', name: 'data', path: 'a', block: false, write: false };
    expect(claimWishOf(of)).toEqual({ ...wish, awaited: of.spec.whenUnavailable === 'Wait' });
    const waits: BackupJob = { ...of, spec: { ...of.spec, whenUnavailable: 'Wait' } };
    const fails: BackupJob = { ...of, spec: { ...of.spec, whenUnavailable: 'Fail' } };
    expect([waits, fails].map((one) => claimWishOf(one)?.awaited)).toEqual([true, false]);
    expect(claimWishOf(base)).toBeUndefined();
  });
});

describe('the pod of an anchor', () => {
  const plan = {
    job: { kind: 'BackupJob', uid, namespace: 'shop', name: 'job', processNumber: 7 },
    claimName: 'data',
    write: false,
    node: 'n0',
    image: { image: 'twinreel', pullPolicy: 'Never' },
    tolerations: [],
  } as const;

  it('may do nothing, has no token, and reads the claim only', () => {
    const { metadata, spec } = anchorPod(plan);
    expect(metadata).toMatchObject({ name: anchorName(uid, 'n0'), namespace: 'shop' });
    expect(spec).toMatchObject({
      nodeName: 'n0',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
    });
    expect(spec?.volumes).toEqual([{ name: 'claim', persistentVolumeClaim: { claimName: 'data', readOnly: true } }]);
  });

  it('mounts a target to be written', () => {
    const { spec } = anchorPod({ ...plan, write: true });
    expect(spec?.volumes).toEqual([{ name: 'claim', persistentVolumeClaim: { claimName: 'data' } }]);
    expect(spec?.containers[0]?.volumeMounts).toEqual([{ name: 'claim', mountPath: '/claim' }]);
  });
});
