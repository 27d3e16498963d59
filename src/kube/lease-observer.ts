import type { Clock } from './clock.ts';
import type { Lease } from './core-types.ts';

/** What a candidate has seen of the lease, by its own clock. */
export interface LeaseObserver {
  see(lease: Lease): void;
  /** The lease last seen has not changed for its duration. */
  expired(): boolean;
  holder(): string | undefined;
  stop(): void;
}

export const makeLeaseObserver = (clock: Clock): LeaseObserver => {
  let version: string | undefined;
  let holder: string | undefined;
  let expired = false;
  let cancel = (): void => undefined;
  return {
    see: (lease) => {
      const seen = `${lease.metadata?.uid ?? ''}/${lease.metadata?.resourceVersion ?? ''}`;
      if (seen === version) return;
      version = seen;
      holder = lease.spec?.holderIdentity;
      expired = false;
      cancel();
      cancel = clock.setTimer(() => (expired = true), (lease.spec?.leaseDurationSeconds ?? 0) * 1000);
    },
    expired: () => expired,
    holder: () => holder,
    stop: () => {
      cancel();
      version = undefined;
      expired = false;
    },
  };
};
