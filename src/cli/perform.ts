/** Does what the command line asks for. What a command needs is loaded with it: looking into a folder needs no Kubernetes. */
import { backupJobs } from '../api/resources.ts';
import type { ClusterOrder, LocalOrder, Order } from './orders.ts';
import type { Context, Session } from './session.ts';

/** @returns the exit code: 0, or 1 where what was asked for has not come about */
export const perform = async (context: Context, order: Order): Promise<number> => {
  if (!('reach' in order)) return performHere(context, order);
  if (order.kind === 'backup' && order.dryRun) return (await import('./backup.ts')).printBackup(context, order);
  if (order.kind === 'restore' && order.dryRun) return (await import('./restore.ts')).printRestore(context, order);
  if (order.kind === 'version') return (await import('./version.ts')).showVersion(context, order);
  if (order.kind === 'list' && isUid(order.backup))
    return (await import('./list-backup.ts')).listBackup(context, order.backup.toLowerCase(), order.listing);
  const connection = await context.connect(order.reach);
  return performThere({ ...context, ...connection }, order);
};

const isUid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const performHere = async ({ screen, paint }: Context, order: LocalOrder): Promise<number> => {
  switch (order.kind) {
    case 'tapeList':
      screen.print((await import('./tape.ts')).describeTapes(order.library, paint));
      return 0;
    case 'tapeExport':
      screen.print((await import('./tape.ts')).exportTo(order.library, order.barcode, order.out));
      return 0;
    case 'tapeEject':
      screen.print(await (await import('./tape.ts')).eject(order.library, order.barcode));
      return 0;
    case 'tapeInsert':
      screen.print(await (await import('./tape.ts')).insert(order.library, order.barcode, order.slot));
      return 0;
    case 'print':
      screen.print(order.lines);
      return 0;
    case 'libraryCreate':
      screen.print(await (await import('./library.ts')).createLibrary(order.library, () => new Date()));
      return 0;
  }
};

const performThere = async (session: Session, order: Exclude<ClusterOrder, { kind: 'version' }>): Promise<number> => {
  switch (order.kind) {
    case 'status': {
      const { reach, ...rest } = order;
      const namespace = reach.allNamespaces ? {} : { namespace: session.namespace };
      await (await import('./status.ts')).showStatus(session, { ...rest, ...namespace });
      return 0;
    }
    case 'describe':
      return (await import('./describe.ts')).describe(session, order);
    case 'cancel':
      return (await import('./cancel.ts')).cancel(session, order);
    case 'hardware':
      return (await import('./hardware.ts')).showHardware(session, order);
    case 'backup':
      return (await import('./backup.ts')).makeBackup(session, order);
    case 'restore':
      return (await import('./restore.ts')).makeRestore(session, order);
    case 'verify':
      return (await import('./verify.ts')).makeVerification(session, order);
    case 'list': {
      const ref = { namespace: session.namespace, name: order.backup };
      const { metadata } = await session.api.get(backupJobs, ref, session.signal);
      return (await import('./list-backup.ts')).listBackup(session, metadata.uid ?? '', order.listing);
    }
    case 'logs':
      return order.follow
        ? (await import('./follow-logs.ts')).followLogs(session, order)
        : (await import('./logs.ts')).showLogs(session, order);
    case 'debug':
      return (await import('./debug.ts')).makeDebugBundle(session, order);
    case 'drain':
      return (await import('./drain.ts')).drain(session, order);
  }
};
