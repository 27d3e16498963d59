/**
 * One switch as far as routes need it: who is logged in, what it is linked to, which zones it holds. Every driver is
 * held to `test/contract/fabric.ts`.
 */

/** Two ports that may see each other, under a name that says for which grant. */
export interface FabricZone {
  /** `[A-Za-z0-9_]{1,64}` */
  readonly name: string;
  /** WWPNs, lower case, `50:01:…`; a set: order means nothing. */
  readonly members: readonly string[];
}

export interface FabricState {
  readonly logins: readonly { readonly wwpn: string; readonly port: number }[];
  readonly links: readonly { readonly to: string; readonly fromPort: number; readonly up: boolean }[];
  readonly zones: readonly FabricZone[];
}

/**
 * Calls reject with a `FabricError`. A write that rejects with `outcomeUnknown` may have taken place; `ensureZone` and
 * `removeZone` are idempotent, so that trying again is safe. Both read back what they wrote before they resolve.
 */
export interface Fabric {
  read(signal: AbortSignal): Promise<FabricState>;
  /** The zone stands, with just these members, and is in force. */
  ensureZone(zone: FabricZone, signal: AbortSignal): Promise<void>;
  /** No zone of that name stands. */
  removeZone(name: string, signal: AbortSignal): Promise<void>;
}

export type FabricErrorCode = 'Locked' | 'Unreachable' | 'Unauthorized' | 'NotAsWritten' | 'BadAnswer' | 'BadName';

export class FabricError extends Error {
  readonly code: FabricErrorCode;
  readonly retryable: boolean;
  readonly outcomeUnknown: boolean;

  constructor(
    code: FabricErrorCode,
    message: string,
    options: { readonly retryable: boolean; readonly outcomeUnknown?: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = 'FabricError';
    this.code = code;
    this.retryable = options.retryable;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}
