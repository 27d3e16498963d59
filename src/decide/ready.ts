/**
 * The conditions for whoever waits on objects: `kubectl wait`, and what reads statuses as kstatus does (Flux, kpt).
 * `Ready` says that an object is as its spec asks; `Stalled` that it will not become so by itself. With
 * `observedGeneration` they stand for the spec that was last written. Pure.
 */
import { findCondition, setCondition, type Finding } from '../api/conditions.ts';
import type { Condition } from '../api/generated/index.ts';
import { bounded, boundedReason } from '../api/status-text.ts';

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: Condition[];
  readonly reason?: string;
  readonly message?: string;
}

interface HardwareStatus extends Status {
  readonly state?: string;
}

interface WorkStatus extends Status {
  readonly phase?: string;
}

type Found = Pick<Finding, 'status' | 'reason' | 'message'>;

/** Of servers, libraries, tapes and switches. The very same object where there is no news. */
export const withHardwareReady = <T extends HardwareStatus>(
  status: T,
  generation: number | undefined,
  now: string,
): T => told(status, generation, { Ready: hardware(status) }, now);

/** Of pools, which only count: there is nothing about them that could be wrong. */
export const withPoolReady = <T extends Status>(status: T, generation: number | undefined, now: string): T =>
  told(
    status,
    generation,
    { Ready: { status: 'True', reason: 'TapesCounted', message: 'its tapes are counted' } },
    now,
  );

/** Of jobs and restores. The very same object where there is no news. */
export const withWorkReady = <T extends WorkStatus>(status: T, generation: number | undefined, now: string): T =>
  told(status, generation, work(status), now);

/** The reasons of True do not follow a claim and a release: else each of them would be written twice. */
const hardware = ({ state, reason = '', message = '' }: HardwareStatus): Found => {
  const why = (fallback: string): string => (reason === '' ? fallback : reason);
  switch (state) {
    case undefined:
    case 'Unknown':
      return { status: 'Unknown', reason: why('NotYetSeen'), message: message === '' ? 'not yet looked at' : message };
    case 'NotUsable':
      // As it was asked for: whoever waits for the whole configuration must not wait for this.
      if (reason === 'Disabled') return { status: 'True', reason, message: 'set aside, as spec.disabled asks' };
      return { status: 'False', reason: why(state), message };
    case 'Foreign':
      return { status: 'False', reason: why(state), message };
    case 'Exported':
      return { status: 'True', reason: state, message: 'outside of all libraries, in good order' };
    default:
      return { status: 'True', reason: 'InService', message: 'nothing is wrong with it' };
  }
};

const work = ({ phase, reason = '', message = '' }: WorkStatus): Readonly<Record<string, Found>> => {
  const why = reason === '' ? 'InProgress' : reason;
  switch (phase) {
    case 'Succeeded':
      return { Ready: { status: 'True', reason: reason === '' ? phase : reason, message } };
    case 'Failed':
    case 'Cancelled': {
      const found = { reason: reason === '' ? phase : reason, message };
      return { Ready: { status: 'False', ...found }, Stalled: { status: 'True', ...found } };
    }
    case undefined:
    case 'Queued':
      return { Ready: { status: 'False', reason: why, message: 'waits for hardware; status.queue says for which' } };
    default:
      return {
        Ready: { status: 'False', reason: phase === 'Suspended' ? phase : 'InProgress', message: `it is ${phase}` },
      };
  }
};

const told = <T extends Status>(
  status: T,
  generation: number | undefined,
  found: Readonly<Record<string, Found>>,
  now: string,
): T => {
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const findings = Object.entries(found).map(([type, { status: is, reason, message }]) => ({
    ...{ type, status: is, ...observed },
    ...{ reason: boundedReason(reason), message: bounded(message, 'verdict') },
  }));
  const known = findings.every((finding) => isSame(findCondition(status.conditions, finding.type), finding));
  if (known && (generation === undefined || status.observedGeneration === generation)) return status;
  const conditions = findings.reduce((all, one) => setCondition(all, one, now), status.conditions ?? []);
  return { ...status, ...observed, conditions };
};

const isSame = (before: Condition | undefined, finding: Finding): boolean =>
  before !== undefined &&
  before.status === finding.status &&
  before.reason === finding.reason &&
  before.message === finding.message &&
  before.observedGeneration === finding.observedGeneration;
