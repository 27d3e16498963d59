import type { RestApi } from '../kube/rest-api.ts';
import type { Reach } from './orders.ts';
import type { Paint } from './paint.ts';
import type { Screen } from './terminal.ts';

/** What every command has. */
export interface Context {
  readonly version: string;
  readonly screen: Screen;
  readonly paint: Paint;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** What is no result: to standard error. */
  readonly say: (line: string) => void;
  connect(reach: Reach): Promise<Connection>;
}

export interface Connection {
  readonly api: RestApi;
  /** The one that is meant where not all are. */
  readonly namespace: string;
  /** Of records and worker pods. @throws CliError, ApiError */
  readonly operatorNamespace: () => Promise<string>;
}

/** A command at work. */
export interface Session extends Context, Connection {}
