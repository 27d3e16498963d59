/** How long a backup is kept and locked: as its job says, but at least as its pool asks for. */
import type { BackupJob, MediaPool } from '../api/generated/index.ts';
import { parseDurationMs } from './units.ts';

export interface EffectiveRetention {
  /** Infinity: for ever. */
  readonly keepMs: number;
  /** -Infinity: it never was. */
  readonly lockedUntilMs: number;
}

export const effectiveRetention = ({ spec }: BackupJob, pool: MediaPool | undefined): EffectiveRetention => {
  // A pool that says nothing asks for nothing, but a retention without `keepFor` means for ever, on both.
  const asked = [spec.retention ?? {}, pool?.spec.retention].filter((one) => one !== undefined);
  return {
    keepMs: Math.max(...asked.map(({ keepFor }) => (keepFor === undefined ? Infinity : parseDurationMs(keepFor)))),
    lockedUntilMs: Math.max(
      ...asked.map(({ lockUntil }) => (lockUntil === undefined ? -Infinity : Date.parse(lockUntil))),
    ),
  };
};

/** When tapes may be written over as far as this backup goes: never before its lock ends. Undefined: never. */
export const expiryOf = ({ keepMs, lockedUntilMs }: EffectiveRetention, nowMs: number): string | undefined => {
  const expiresMs = Math.max(nowMs + keepMs, lockedUntilMs);
  return Number.isFinite(expiresMs) ? new Date(expiresMs).toISOString() : undefined;
};

export const isLocked = ({ lockedUntilMs }: EffectiveRetention, nowMs: number): boolean => lockedUntilMs > nowMs;
