import { CliError } from './cli-error.ts';
import { tellMade, type Manifest } from './backup.ts';
import { kindOfPrefix } from './names.ts';
import type { Making, VerifyFlags } from './orders.ts';
import { createRestore } from './restore.ts';
import type { Session } from './session.ts';

/** A Restore into nowhere: it reads the tapes and writes nothing. Pure. @throws CliError */
export const verifyManifest = ({ backup, stream, name }: VerifyFlags, namespace: string): Manifest => ({
  metadata: { ...(name === undefined ? { generateName: 'verify-' } : { name }), namespace },
  spec: {
    from: backupOf(backup),
    target: { discard: stream === undefined ? {} : { streams: [stream] } },
  },
});

const backupOf = (text: string): object => {
  const slash = text.indexOf('/');
  const kind = slash < 0 ? 'backupjobs' : kindOfPrefix(text.slice(0, slash));
  const name = text.slice(slash + 1);
  if (name !== '' && kind === 'backupjobs') return { backupJob: name };
  if (name !== '' && kind === 'backupsaverecords') return { record: name };
  throw new CliError('WrongArgument', `${text} names no backup: write NAME, backupjob/NAME or record/NAME`);
};

/** @returns 1 where it was waited for and a copy is bad or could not be read. @throws CliError, ApiError */
export const makeVerification = async (session: Session, order: VerifyFlags & Making): Promise<number> => {
  const object = await createRestore(session, verifyManifest(order, session.namespace));
  return tellMade(session, { kind: 'Restore', object }, order);
};
