/** How long a request waits before it is given up, as a whole or stream by stream. Pure. */
import type { Grant } from '../../api/generated/index.ts';
import type { Answer } from './admission.ts';

export type Refusal = Exclude<Answer, { kind: 'grant' }>;

/** Who waits, and how. */
export interface Waiter {
  /** Streams that wait. */
  readonly waiting: readonly Grant[];
  /** Nothing is secured yet: it is given up whole. */
  readonly first: boolean;
  /** `whenUnavailable: Fail`: what cannot be had at once is not waited for. */
  readonly impatient: boolean;
  /** Other tapes may do as well: it chooses again, and ends itself when there is none. */
  readonly choosesAgain: boolean;
  /** What it holds itself, and is about to let go of, may be what binds it to where it can't work. */
  readonly letsGo?: boolean;
  /** What a stream of it waits at most. */
  readonly limitMs?: number;
}

export type Patience =
  | { readonly kind: 'waitOn' }
  | { readonly kind: 'giveUp'; readonly streams: readonly number[]; readonly message: string };

export const decidePatience = (waiter: Waiter, refusal: Refusal, nowMs: number): Patience => {
  const { waiting, first, impatient, choosesAgain, limitMs } = waiter;
  const { message } = refusal.shortage;
  const all = waiting.map(({ number }) => number);
  if (refusal.kind === 'impossible' && (choosesAgain || waiter.letsGo === true)) return { kind: 'waitOn' };
  if (refusal.kind === 'impossible') {
    return giveUp(all, `${message}; waiting would not help${lacking(refusal)}`);
  }
  if (impatient && first) return giveUp(all, withBlockers(message, refusal));
  if (limitMs === undefined) return { kind: 'waitOn' };
  const waited = waiting.map(({ number, startedAt }) => ({ number, ms: nowMs - Date.parse(startedAt ?? '') }));
  const old = waited.filter(({ ms }) => ms > limitMs);
  if (old.length === 0) return { kind: 'waitOn' };
  const seconds = Math.round(Math.max(...old.map(({ ms }) => ms)) / 1000);
  const streams = first ? all : old.map(({ number }) => number);
  return giveUp(streams, `${message}; given up after ${seconds} s (spec.allocationDeadline)`);
};

/** Where the request itself cannot be met, its own message says what to change: no hardware would help either. */
const lacking = ({ shortage }: Refusal): string =>
  shortage.reason === 'SourceNotReachable' ? '' : ': no such hardware is declared';

const toldBlockers = 4;

/** Where nothing is waited for, no queue will tell what stood in the way. */
const withBlockers = (message: string, refusal: Refusal): string => {
  if (refusal.kind !== 'wait' || refusal.blockedBy.length === 0) return message;
  const told = refusal.blockedBy.slice(0, toldBlockers).map(({ kind, name, message: why }) => why ?? name ?? kind);
  const more = refusal.blockedBy.length - told.length;
  return `${message}: ${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
};

const giveUp = (streams: readonly number[], message: string): Patience => ({ kind: 'giveUp', streams, message });
