import { isApiError, type Api, type Ref } from './api.ts';
import { aborted, abortReason, sleep, type Clock, type Random } from './clock.ts';
import type { Lease } from './core-types.ts';
import type { Log } from './log.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import { microTime } from './micro-time.ts';
import { makeLeaseObserver } from './lease-observer.ts';
import { leases } from './resources.ts';
import { LeadershipLost, makeTenure, type Leading, type Tenure } from './tenure.ts';
import { getIfPresent } from './writes.ts';

/** Whether what was done under the lease is through, or something of it may still act. */
export type Work = 'ended' | 'stillRuns';

/**
 * Leader election by a Lease. A candidate takes the lease when nobody holds it or when it has not changed for its whole
 * duration, measured from when this candidate saw the last change: no two clocks are ever compared. The holder stops
 * leading when it could not renew for `renewDeadlineMs`, which is shorter than the lease's duration, counted from when
 * the last successful renewal was *sent*.
 */
export interface LeaderElector {
  /**
   * Waits for the lease, calls `lead` once and keeps the lease until `lead` is through.
   *
   * - `signal` aborted: `lead`'s signal is aborted, the lease is still renewed while `lead` ends, then released: `stopped`.
   * - lease lost: `lead`'s signal is aborted with `LeadershipLost`: `lost`. The process should end or begin anew.
   * - `lead` resolves or rejects by itself: the lease is released: `stopped`, or its error.
   *
   * `lead` is awaited for `stopTimeoutMs` at most; a lease whose work has not ended, by that time or by what `lead`
   * says, is left to expire.
   */
  run(lead: (leading: Leading) => Promise<Work>, signal: AbortSignal): Promise<'stopped' | 'lost'>;
  isLeading(): boolean;
  /** Identity of the last holder seen. */
  holder(): string | undefined;
}

export interface LeaderOptions {
  readonly api: Api;
  readonly lease: Ref & { readonly namespace: string };
  /** Of this process alone, never used again by another one. */
  readonly identity: string;
  /** Whole seconds; rounded up. */
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  readonly stopTimeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
}

type Attempt =
  | { readonly kind: 'held'; readonly lease: Lease; readonly sentAt: number }
  | { readonly kind: 'taken'; readonly by: string }
  /** Nobody knows; try again. */
  | { readonly kind: 'failed'; readonly error: unknown };

export const makeLeaderElector = (options: LeaderOptions): LeaderElector => {
  const { api, lease: ref, identity, clock, random, log, metrics = noMetrics } = options;
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000, stopTimeoutMs = 15_000 } = options;
  const durationSeconds = Math.max(1, Math.ceil(leaseDurationMs / 1000));
  if (renewDeadlineMs >= durationSeconds * 1000 || retryPeriodMs >= renewDeadlineMs) {
    throw new TypeError('lease: retryPeriodMs < renewDeadlineMs < leaseDurationMs must hold');
  }
  const fields = { lease: `${ref.namespace}/${ref.name}`, identity };
  const watched = makeLeaseObserver(clock);
  // Told from the start on: a sum over all candidates must be 0, not absent, while nobody leads.
  metrics.leading(fields.lease, false);
  let tenure: Tenure | undefined;

  /** One request may hang as long as half the time to the deadline, so that a second one is possible. */
  const attempt = async (ask: (signal: AbortSignal) => Promise<Attempt>): Promise<Attempt> => {
    const limit = new AbortController();
    const cancel = clock.setTimer(() => limit.abort(new Error('lease request timed out')), renewDeadlineMs / 2);
    try {
      return await ask(limit.signal);
    } catch (error) {
      return { kind: 'failed', error };
    } finally {
      cancel();
    }
  };

  const tryAcquire = async (signal: AbortSignal): Promise<Attempt> => {
    const current = await getIfPresent(api, leases, ref, signal);
    const sentAt = clock.now();
    const now = microTime(sentAt);
    const own = { holderIdentity: identity, leaseDurationSeconds: durationSeconds, acquireTime: now, renewTime: now };
    if (current === undefined) {
      const fresh: Lease = { metadata: { ...ref }, spec: { ...own, leaseTransitions: 0 } };
      return { kind: 'held', lease: await api.create(leases, fresh, signal), sentAt };
    }
    watched.see(current);
    const by = current.spec?.holderIdentity ?? '';
    if (by !== '' && by !== identity && !watched.expired()) return { kind: 'taken', by };
    const leaseTransitions = (current.spec?.leaseTransitions ?? 0) + (by === identity ? 0 : 1);
    const next: Lease = { ...current, spec: { ...current.spec, ...own, leaseTransitions } };
    return { kind: 'held', lease: await api.update(leases, next, signal), sentAt };
  };

  const tryRenew = async (held: Lease, signal: AbortSignal): Promise<Attempt> => {
    const sentAt = clock.now();
    const next: Lease = { ...held, spec: { ...held.spec, renewTime: microTime(sentAt) } };
    try {
      return { kind: 'held', lease: await api.update(leases, next, signal), sentAt };
    } catch (error) {
      // A lease that was deleted belongs to whoever creates it.
      if (isApiError(error, 'NotFound')) return { kind: 'taken', by: '' };
      if (!isApiError(error, 'Conflict')) throw error;
    }
    // An earlier renewal without an answer took place after all, or somebody took the lease.
    const current = await api.get(leases, ref, signal);
    const by = current.spec?.holderIdentity ?? '';
    if (by !== identity) return { kind: 'taken', by };
    const again: Lease = { ...current, spec: { ...current.spec, renewTime: microTime(sentAt) } };
    return { kind: 'held', lease: await api.update(leases, again, signal), sentAt };
  };

  const acquire = async (signal: AbortSignal): Promise<(Attempt & { kind: 'held' }) | undefined> => {
    try {
      while (!signal.aborted) {
        const outcome = await attempt(tryAcquire);
        if (outcome.kind === 'held') return outcome;
        if (outcome.kind === 'failed' && !isApiError(outcome.error, 'Conflict', 'AlreadyExists')) {
          log.warn({ ...fields, err: outcome.error }, 'lease cannot be read or taken');
        }
        await sleep(clock, retryPeriodMs * (1 + random() * 0.2), signal).catch(() => undefined);
      }
      return undefined;
    } finally {
      watched.stop();
    }
  };

  /** Renews until `ended` is aborted or the lease is lost; gives the lease as last written. */
  const keepRenewing = async (held: Lease, own: Tenure, ended: AbortSignal): Promise<Lease> => {
    let lease = held;
    let startedAt = clock.now();
    for (;;) {
      // Counted from the start of the last attempt: one that hung is followed by the next at once.
      const waitMs = Math.min(Math.max(startedAt + retryPeriodMs - clock.now(), 0), retryPeriodMs);
      await sleep(clock, waitMs, ended).catch(() => undefined);
      if (ended.aborted || own.lost()) return lease;
      startedAt = clock.now();
      const outcome = await attempt((signal) => tryRenew(lease, signal));
      if (outcome.kind === 'held') {
        lease = outcome.lease;
        own.renewed(outcome.sentAt);
      } else if (outcome.kind === 'taken') own.lose(`taken by "${outcome.by}"`);
      else log.warn({ ...fields, err: outcome.error }, 'lease not renewed');
    }
  };

  const release = async (held: Lease): Promise<void> => {
    const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
    const outcome = await attempt(async (signal) => {
      const lease = await api.update(leases, { ...held, spec }, signal);
      return { kind: 'held', lease, sentAt: clock.now() };
    });
    if (outcome.kind === 'held') log.info(fields, 'lease released');
    else log.warn({ ...fields, err: outcome.kind === 'failed' ? outcome.error : undefined }, 'lease not released');
  };

  const run: LeaderElector['run'] = async (lead, signal) => {
    const held = await acquire(signal);
    if (held === undefined) return 'stopped';
    log.info(fields, 'leading');
    metrics.leading(fields.lease, true);
    const own = makeTenure(clock, renewDeadlineMs, held.sentAt);
    tenure = own;
    const onStop = (): void => own.stop(abortReason(signal));
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    const renewing = new AbortController();
    const renewal = keepRenewing(held.lease, own, renewing.signal);
    try {
      const ended = await endOf(
        lead({ signal: own.signal, isLeading: () => own.isLeading() }),
        own.signal,
        clock,
        stopTimeoutMs,
      );
      renewing.abort();
      const last = await renewal;
      own.stop(new LeadershipLost('stopped leading'));
      if (own.lost()) log.warn({ ...fields, err: own.signal.reason as unknown }, 'lease lost');
      else if (ended.kind === 'timedOut' || (ended.kind === 'resolved' && ended.work === 'stillRuns'))
        log.error({ ...fields, stopTimeoutMs }, 'work did not end, lease left to expire');
      else await release(last);
      if (ended.kind === 'rejected' && !own.lost() && !signal.aborted) throw ended.error;
      return own.lost() ? 'lost' : 'stopped';
    } finally {
      own.end();
      signal.removeEventListener('abort', onStop);
      metrics.leading(fields.lease, false);
    }
  };

  return {
    run,
    isLeading: () => tenure?.isLeading() ?? false,
    holder: () => (tenure?.isLeading() === true ? identity : watched.holder()),
  };
};

type Ending =
  | { readonly kind: 'resolved'; readonly work: Work }
  | { readonly kind: 'rejected'; readonly error: unknown }
  | { readonly kind: 'timedOut' };

/** How the work ended; once the signal is aborted it has `timeoutMs` to do so. */
const endOf = async (lead: Promise<Work>, signal: AbortSignal, clock: Clock, timeoutMs: number): Promise<Ending> => {
  const settled = lead.then(
    (work): Ending => ({ kind: 'resolved', work }),
    (error: unknown): Ending => ({ kind: 'rejected', error }),
  );
  const enough = new AbortController();
  const timedOut = aborted(signal)
    .then(() => sleep(clock, timeoutMs, enough.signal))
    .then(
      (): Ending => ({ kind: 'timedOut' }),
      () => settled,
    );
  const ending = await Promise.race([settled, timedOut]);
  enough.abort();
  return ending;
};
