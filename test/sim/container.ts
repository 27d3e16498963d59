/** A worker's process as a node runs it: a program that goes on step by step, and can be told to end or be killed. */
import type { TerminationMessage, WorkerOrder } from '../../src/api/worker-order.ts';

export interface End {
  readonly exitCode: number;
  /** Absent after SIGKILL. */
  readonly message?: TerminationMessage;
}

/** Yields how many milliseconds pass until its next step. */
export type Program = Generator<number, End, void>;

export interface Container {
  /** Of the pod. */
  readonly uid: string;
  readonly name: string;
  readonly node: string;
  readonly order: WorkerOrder;
  program: Program | undefined;
  wakeAtMs: number;
  /** SIGTERM has arrived. */
  stopAsked: boolean;
  killAtMs: number | undefined;
  /** It has asked who holds tape and drive, and was told that it does. */
  mayAct: boolean;
  /** Blocked in the drive: it hears no SIGTERM. */
  stuck: boolean;
  /** Not even SIGKILL ends it: only a reboot does. */
  unkillable: boolean;
  end: End | undefined;
}

export const isRunning = (container: Container): boolean => container.end === undefined;
