import { existsSync, writeFileSync } from 'node:fs';
import { exitCodes, type TapeFacts, type TerminationMessage, type WorkerRole } from '../api/worker-order.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';

/** The kubelet cuts a termination message here, which would leave broken JSON. */
const maxTerminationBytes = 4096;

export const defaultTerminationLog = '/dev/termination-log';

/** What a role hands back when its work is done. */
export interface RoleResult {
  readonly message: string;
  readonly tape?: TapeFacts;
  readonly slot?: number;
}

/** What is known of the tape and of unfinished work at the moment of an abnormal end. */
export interface EndFacts {
  readonly tape?: TapeFacts;
  readonly lostBytes?: number;
  readonly tidied?: boolean;
}

export const succeeded = (role: WorkerRole, result: RoleResult): TerminationMessage => ({
  v: 1,
  role,
  outcome: 'succeeded',
  reason: 'Done',
  ...result,
});

/** Any error as the message that the operator reads and the exit code that a person sees. */
export const describeEnd = (
  role: WorkerRole,
  error: unknown,
  facts: EndFacts = {},
): { readonly message: TerminationMessage; readonly exitCode: number } => {
  if (error instanceof WorkerStopped) {
    return {
      message: { v: 1, role, outcome: 'stopped', reason: error.reason, message: error.message, ...facts },
      exitCode: exitCodes.stopped,
    };
  }
  if (error instanceof WorkerFailure) {
    const { reason, fault, message, exitCode } = error;
    return { message: { v: 1, role, outcome: 'failed', reason, fault, message, ...facts }, exitCode };
  }
  const text = error instanceof Error ? error.message : String(error);
  return {
    message: { v: 1, role, outcome: 'failed', reason: 'InternalError', fault: 'worker', message: text, ...facts },
    exitCode: exitCodes.internal,
  };
};

/** JSON of at most 4 KiB: the text for people is what gets shorter. */
export const encodeTermination = (message: TerminationMessage): string => {
  let text = message.message;
  for (;;) {
    const json = JSON.stringify({ ...message, message: text });
    if (Buffer.byteLength(json) <= maxTerminationBytes || text === '') return json;
    text = text.length < 16 ? '' : `${text.slice(0, Math.floor(text.length * 0.7))}…`;
  }
};

/** Writes the message where kubelet or node agent looks for it; without either there is nobody to tell. */
export const writeTermination = (message: TerminationMessage, env: NodeJS.ProcessEnv = process.env): void => {
  const path = env['TWINREEL_TERMINATION_LOG'] ?? defaultTerminationLog;
  if (path === defaultTerminationLog && !existsSync(path)) return;
  writeFileSync(path, encodeTermination(message));
};
