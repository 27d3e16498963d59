/** Makes this machine a Node and keeps it one: the object, its status, its lease. */
import type { Api } from '../kube/api.ts';
import { isApiError } from '../kube/api.ts';
import { exponentialMs } from '../kube/backoff.ts';
import type { Clock } from '../kube/clock.ts';
import type { Log } from '../kube/log.ts';
import { leases, nodes, type NodeObject } from './core-objects.ts';
import { kubeMicroTime, pause } from './kube-time.ts';
import type { Machine } from './machine.ts';
import {
  agentReady,
  newNode,
  nodeLabels,
  nodeStatus,
  nodeTaints,
  statusDiffers,
  type Readiness,
} from './node-object.ts';

const leaseNamespace = 'kube-node-lease';
const leaseDurationSeconds = 40;
const renewMs = 10_000;
const renewRetryMs = 1000;
/** An unchanged status is sent again so often; the lease says between that the node lives. */
const statusRefreshMs = 300_000;
const registerRetry = { baseMs: 200, maxMs: 5000 };

export interface NodeRegistrationDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  readonly machine: Machine;
  readonly version: string;
}

export interface NodeRegistration {
  /** Creates the Node or takes over the one that bears the name; resolves when it is Ready, or when aborted. */
  register(signal: AbortSignal): Promise<void>;
  /** Renews lease and status until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Tells once that the node is not to be used. */
  markStopped(readiness: Readiness, signal: AbortSignal): Promise<void>;
}

export const makeNodeRegistration = (deps: NodeRegistrationDeps): NodeRegistration => {
  const { api, clock, log, name, machine, version } = deps;
  const ref = { name };
  let statusSentMs = 0;

  const ensureNode = async (signal: AbortSignal): Promise<NodeObject> => {
    const known = await api.get(nodes, ref, signal).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (known === undefined) {
      return api.create(nodes, newNode(name), signal).catch((error: unknown) => {
        // Made by somebody in between: the next look takes it over.
        if (isApiError(error, 'AlreadyExists')) return ensureNode(signal);
        throw error;
      });
    }
    const labels = nodeLabels(name);
    const taints = nodeTaints(known.spec?.taints ?? []);
    const labelled = Object.entries(labels).every(([key, value]) => known.metadata?.labels?.[key] === value);
    if (labelled && taints.length === (known.spec?.taints ?? []).length) return known;
    // The version guards the list of taints, which controllers change too.
    const body = { metadata: { labels, resourceVersion: known.metadata?.resourceVersion }, spec: { taints } };
    return api.patch(nodes, ref, body, { type: 'merge' }, signal);
  };

  const sendStatus = async (readiness: Readiness, signal: AbortSignal): Promise<void> => {
    const node = await ensureNode(signal);
    const status = nodeStatus(name, machine, readiness, node.status, clock.now(), version);
    if (!statusDiffers(node.status, status) && clock.now() - statusSentMs < statusRefreshMs) return;
    const body = { metadata: { uid: node.metadata?.uid }, status };
    await api.patch(nodes, ref, body, { type: 'merge', subresource: 'status' }, signal);
    statusSentMs = clock.now();
  };

  const renewLease = async (signal: AbortSignal): Promise<void> => {
    const spec = { holderIdentity: name, leaseDurationSeconds, renewTime: kubeMicroTime(clock.now()) };
    try {
      await api.patch(leases, { namespace: leaseNamespace, name }, { spec }, { type: 'merge' }, signal);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      const node = await api.get(nodes, ref, signal);
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata?.uid ?? '' }];
      const metadata = { namespace: leaseNamespace, name, ownerReferences };
      await api.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, signal);
    }
  };

  const repeat = async (what: string, act: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const waitMs = await act().then(
        () => renewMs,
        (error: unknown) => {
          if (!signal.aborted) log.warn({ node: name, err: error }, `${what} was not renewed; trying again`);
          return renewRetryMs;
        },
      );
      await pause(clock, waitMs, signal);
    }
  };

  return {
    register: async (signal) => {
      for (let failures = 1; !signal.aborted; failures += 1) {
        try {
          await sendStatus(agentReady, signal);
          await renewLease(signal);
          log.info({ node: name, machineID: machine.machineID, bootID: machine.bootID }, 'node registered');
          return;
        } catch (error) {
          if (!signal.aborted) log.warn({ node: name, err: error }, 'the node was not registered; trying again');
          await pause(clock, exponentialMs(failures, registerRetry), signal);
        }
      }
    },
    run: async (signal) => {
      await Promise.all([
        repeat('the lease', () => renewLease(signal), signal),
        repeat('the node', () => sendStatus(agentReady, signal), signal),
      ]);
    },
    markStopped: (readiness, signal) => sendStatus(readiness, signal),
  };
};
