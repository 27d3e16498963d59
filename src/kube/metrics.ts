/**
 * What the control loop counts. The operator's main feeds these into its metrics registry; names are those of the
 * controller, of the informer's resource and of the lease.
 */
export type ReconcileOutcome = 'done' | 'requeue' | 'conflict' | 'error' | 'terminal' | 'aborted';

export interface KubeMetrics {
  queueDepth(queue: string, depth: number): void;
  queueAdd(queue: string): void;
  queueRetry(queue: string): void;
  /** From the moment a key was due until a worker took it. */
  queueLatency(queue: string, seconds: number): void;
  reconciled(controller: string, seconds: number, outcome: ReconcileOutcome): void;
  /** Reconciles running now. */
  reconcilesActive(controller: string, active: number): void;
  listed(resource: string, seconds: number, objects: number): void;
  /** A watch that was begun again: after the server's time-out, or after a failure. */
  watchRestarted(resource: string, reason: 'ended' | 'expired' | 'failed'): void;
  leading(lease: string, leading: boolean): void;
  eventDropped(reason: 'rate' | 'backlog' | 'failed'): void;
}

const ignore = (): void => undefined;

export const noMetrics: KubeMetrics = {
  queueDepth: ignore,
  queueAdd: ignore,
  queueRetry: ignore,
  queueLatency: ignore,
  reconciled: ignore,
  reconcilesActive: ignore,
  listed: ignore,
  watchRestarted: ignore,
  leading: ignore,
  eventDropped: ignore,
};
