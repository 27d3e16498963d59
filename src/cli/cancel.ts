import { backupJobs, restores } from '../api/resources.ts';
import { CliError } from './cli-error.ts';
import { parseWorkName, readNamed, type Work } from './observe.ts';
import type { Session } from './session.ts';
import { waitForEnd } from './wait-for-end.ts';

interface CancelOrder {
  readonly name: string;
  readonly wait: boolean;
}

/** Asks for the end of one job or restore. @throws CliError, ApiError */
export const cancel = async (session: Session, { name, wait }: CancelOrder): Promise<number> => {
  const { api, namespace, signal, screen } = session;
  const found = await readNamed(api, parseWorkName(name), namespace, signal);
  const running = found.filter(({ object }) => object.status?.completionTime === undefined);
  const [work] = running;
  if (running.length > 1)
    throw new CliError('WrongArgument', `${name} is a job and a restore: write backupjob/${name} or restore/${name}`);
  if (work === undefined) {
    const phase = found[0]?.object.status?.phase ?? 'New';
    throw new CliError('NotFound', `${name} has ended already: it is ${phase}`);
  }
  await ask(session, work);
  screen.print([`${work.kind.toLowerCase()}/${work.object.metadata.name} is asked to end; what it holds is released`]);
  if (!wait) return 0;
  await waitForEnd({ ...session, say: () => undefined }, work);
  return 0;
};

const ask = async ({ api, signal }: Session, { kind, object: { metadata } }: Work): Promise<void> => {
  const ref = { namespace: metadata.namespace ?? 'default', name: metadata.name };
  const body = { metadata: { uid: metadata.uid }, spec: { cancel: true } };
  const options = { type: 'merge', fieldManager: 'kubectl-twinreel' } as const;
  if (kind === 'BackupJob') await api.patch(backupJobs, ref, body, options, signal);
  else await api.patch(restores, ref, body, options, signal);
};
