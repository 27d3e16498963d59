/** How long a backup is kept and locked: as its job says, but at least as its pool asks for. */
import type { BackupJob, MediaPool } from '../../api/generated/index.ts';
import { parseDurationMs } from '../units.ts';

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

/** So long after the begin of a stream its job may end without a label of that stream's telling too early a time. */
const longestRunMs = 7 * 86_400_000;

/**
 * What labels tell, which are written before the job's end is known: no earlier than what follows from that, so that
 * nobody who has only the tape calls it expired too soon. Undefined: never.
 *
 * @param nowMs when the stream begins
 */
export const expiryOnTape = (
  retention: EffectiveRetention,
  nowMs: number,
  activeDeadlineMs: number | undefined,
): string | undefined => expiryOf(retention, nowMs + Math.max(longestRunMs, activeDeadlineMs ?? 0));

export const isLocked = ({ lockedUntilMs }: EffectiveRetention, nowMs: number): boolean => lockedUntilMs > nowMs;
