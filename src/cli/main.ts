#!/usr/bin/env node
/** `kubectl-twinreel`: ends with 0 when done, 1 when something failed, 2 when the command line is wrong. */
import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { errorCode } from '../devices/error-code.ts';
import { CliError } from './cli-error.ts';
import { makeCommandLine, type Order } from './command-line.ts';
import { paintFor } from './paint.ts';
import { makeScreen } from './terminal.ts';

const stop = new AbortController();
process.on('SIGINT', () => stop.abort());
process.on('SIGTERM', () => stop.abort());
// `| head` closes the pipe before everything is written: that is no failure.
process.stdout.on('error', (error) => process.exit(errorCode(error) === 'EPIPE' ? 0 : 1));

const screen = makeScreen(process.stdout);
const paint = paintFor(process.stdout);

// What a command needs is loaded with it: looking into a folder needs no Kubernetes, and the other way round.
const run = async (order: Order): Promise<void> => {
  switch (order.kind) {
    case 'tapeList': {
      const { describeTapes } = await import('./tape.ts');
      return screen.print(describeTapes(order.library, paint));
    }
    case 'tapeExport': {
      const { exportTo } = await import('./tape.ts');
      return screen.print(exportTo(order.library, order.barcode, order.out));
    }
    case 'libraryCreate': {
      const { createLibrary } = await import('./library.ts');
      return screen.print(await createLibrary(order.library, () => new Date()));
    }
    case 'status':
      return runStatus(order);
  }
};

const runStatus = async (order: Extract<Order, { readonly kind: 'status' }>): Promise<void> => {
  const { kind: _kind, kubeconfig, context, allNamespaces, namespace, ...rest } = order;
  const { loadKubeConfig } = await import('../kube/kube-config.ts');
  const { makeRestApi } = await import('../kube/rest-api.ts');
  const { showStatus } = await import('./status.ts');
  const kubeConfig = await loadKubeConfig({
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  });
  const api = makeRestApi({ kubeConfig, userAgent: `kubectl-twinreel/${packageFile.version}` });
  try {
    await showStatus(
      { api, screen, paint, nowMs: Date.now, signal: stop.signal },
      { ...rest, ...(!allNamespaces && { namespace: namespace ?? kubeConfig.namespace ?? 'default' }) },
    );
  } finally {
    api.close();
  }
};

/** Errors with a code were foreseen, and their message is enough; others are mistakes of ours and show where. */
const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && !error.message.includes(error.cause.message) ? error.cause : undefined;
  const because = cause === undefined || error instanceof CliError ? '' : `: ${cause.message}`;
  return errorCode(error) === undefined ? (error.stack ?? error.message) : `${error.message}${because}`;
};

/** npm changes to the package's folder; what the user types is meant from his own. */
const absolute = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);

try {
  await makeCommandLine({ version: packageFile.version, absolute, run }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof CliError && error.code === 'WrongArgument') {
    console.error(`error: ${error.message}`);
    process.exitCode = 2;
  } else if (!stop.signal.aborted) {
    console.error(`error: ${describe(error)}`);
    process.exitCode = 1;
  }
}
