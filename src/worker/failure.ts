import { exitCodes, type FaultDomain } from '../api/worker-order.ts';

export interface WorkerFailureFields {
  /** CamelCase, as conditions use it. */
  readonly reason: string;
  readonly fault: FaultDomain;
  readonly message: string;
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/** An action that can't go on: what, and whose fault it is. It becomes the termination message and the exit code. */
export class WorkerFailure extends Error {
  readonly code = 'WorkerFailure';
  readonly reason: string;
  readonly fault: FaultDomain;
  readonly exitCode: number;

  constructor(fields: WorkerFailureFields) {
    super(fields.message, { cause: fields.cause });
    this.name = 'WorkerFailure';
    this.reason = fields.reason;
    this.fault = fields.fault;
    this.exitCode = fields.exitCode ?? exitCodeOfFault(fields.fault);
  }
}

/** The worker was told to end: SIGTERM, a sealed head, a foreign epoch. What was committed stands. */
export class WorkerStopped extends Error {
  readonly code = 'WorkerStopped';
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'WorkerStopped';
    this.reason = reason;
  }
}

export const exitCodeOfFault = (fault: FaultDomain): number => {
  switch (fault) {
    case 'source':
      return exitCodes.source;
    case 'target':
      return exitCodes.target;
    case 'drive':
      return exitCodes.drive;
    case 'tape':
      return exitCodes.tape;
    case 'changer':
      return exitCodes.changer;
    case 'route':
      return exitCodes.route;
    case 'server':
      return exitCodes.server;
    case 'api':
      return exitCodes.api;
    case 'order':
      return exitCodes.order;
    case 'worker':
      return exitCodes.internal;
  }
};
