#!/usr/bin/env node
/** `kubectl-twinreel`: ends with 0 when done, 1 when something failed, 2 when the command line is wrong. */
import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { errorCode } from '../devices/error-code.ts';
import type { RestApi } from '../kube/rest-api.ts';
import { CliError } from './cli-error.ts';
import { makeCommandLine } from './command-line.ts';
import { explain } from './explain.ts';
import { findOperatorNamespace } from './operator-namespace.ts';
import type { Reach } from './orders.ts';
import { paintFor } from './paint.ts';
import { perform } from './perform.ts';
import type { Connection, Context } from './session.ts';
import { makeScreen } from './terminal.ts';

const stop = new AbortController();
process.on('SIGINT', () => stop.abort());
process.on('SIGTERM', () => stop.abort());
// `| head` closes the pipe before everything is written: that is no failure.
process.stdout.on('error', (error) => process.exit(errorCode(error) === 'EPIPE' ? 0 : 1));

/** npm changes to the package's folder; what the user types is meant from his own. */
const absolute = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);

let opened: { readonly api: RestApi; readonly server: string } | undefined;

const connect = async (reach: Reach): Promise<Connection> => {
  const { kubeconfig, context, namespace } = reach;
  const { loadKubeConfig } = await import('../kube/kube-config.ts');
  const { makeRestApi } = await import('../kube/rest-api.ts');
  const kubeConfig = await loadKubeConfig({
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  });
  const api = makeRestApi({ kubeConfig, userAgent: `kubectl-twinreel/${packageFile.version}` });
  opened = { api, server: kubeConfig.server };
  let found: Promise<string> | undefined;
  const operatorNamespace = async (): Promise<string> =>
    (found ??= findOperatorNamespace(api, reach.operatorNamespace, stop.signal));
  return { api, namespace: namespace ?? kubeConfig.namespace ?? 'default', operatorNamespace };
};

const context: Context = {
  version: packageFile.version,
  screen: makeScreen(process.stdout),
  paint: paintFor(process.stdout),
  nowMs: Date.now,
  signal: stop.signal,
  say: (line) => console.error(line),
  connect,
};

try {
  const run = async (order: Parameters<typeof perform>[1]): Promise<void> => {
    process.exitCode = await perform(context, order);
  };
  await makeCommandLine({ version: packageFile.version, absolute, run }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof CliError && error.code === 'WrongArgument') {
    console.error(`error: ${error.message}`);
    process.exitCode = 2;
  } else if (!stop.signal.aborted) {
    console.error(`error: ${explain(error, opened?.server)}`);
    process.exitCode = 1;
  } else process.exitCode = 130;
} finally {
  opened?.api.close();
}
