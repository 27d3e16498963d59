import { describe, expect, it } from 'vitest';
import { answer, type Answer, type Applicant } from '../../../../src/decide/allocation/admission.ts';
import type { ClaimReach } from '../../../../src/decide/claim/claims.ts';
import { aNeed, aServer, pair } from '../hardware-objects.ts';

const applicant = (claim: NonNullable<Applicant['need']['claim']>, streams = [0, 1]): Applicant => ({
  ...{ kind: 'BackupJob', name: 'default/x', uid: 'u', priority: 0, createdAtMs: 0, waitingSinceMs: 0 },
  ...{ streams, atLeast: streams.length, neighbours: [], need: { ...aNeed(), claim } },
  disjointness: { server: 'Required', library: 'Preferred', switch: 'Preferred' },
});

const what = 'claim shop/data (ReadWriteOnce)';
const [first, second] = [aServer('server-0'), aServer('server-1')];
const hardware = pair({ servers: [first, second] });
const reach = (nodes: readonly string[], oneNode: boolean): ClaimReach => ({ kind: 'reachable', what, nodes, oneNode });
const both = [first.spec.node, second.spec.node];

const shortageOf = (found: Answer) => (found.kind === 'grant' ? undefined : found.shortage);

describe('admission of a claim', () => {
  it('gives servers on nodes that can mount it', () => {
    expect(answer(applicant(reach(both, false)), hardware).kind).toBe('grant');
    const one = answer(applicant(reach([second.spec.node], true), [0]), hardware);
    expect(one.kind === 'grant' && one.allotments.map(({ server }) => server.name)).toEqual(['server-1']);
  });

  it('never gives two nodes to a claim that one node mounts, though they be one machine', () => {
    const found = answer(applicant(reach(both, true)), hardware);
    expect(found.kind).toBe('impossible');
    expect(shortageOf(found)).toMatchObject({ reason: 'SourceNotReachable' });
    expect(shortageOf(found)?.message).toContain(`${what} binds all streams to one node`);
  });

  it('says that no server is where it can be mounted', () => {
    const found = answer(applicant(reach(['elsewhere'], false)), hardware);
    expect(shortageOf(found)?.message).toBe(`${what} can be mounted on elsewhere only, and no BackupServer is there`);
  });

  it.each([
    { kind: 'wait', answers: 'wait' },
    { kind: 'never', answers: 'impossible' },
  ] as const)('passes on that it can not be reached: $kind', ({ kind, answers }) => {
    const found = answer(applicant({ kind, message: 'why' }), hardware);
    expect(found.kind).toBe(answers);
    expect(shortageOf(found)).toEqual({ reason: 'SourceNotReachable', message: 'why' });
  });
});
