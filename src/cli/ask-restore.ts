/** Asks for what a restore needs and the command line does not say: what, when, which paths, where, and a yes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { BackupJob } from '../api/generated/index.ts';
import { apiVersion, backupJobs, backupServers } from '../api/resources.ts';
import { isApiError } from '../kube/api.ts';
import type { Manifest } from './backup.ts';
import { CliError } from './cli-error.ts';
import { readList } from './observe.ts';
import { conflicts, type Conflict, type RestoreFlags } from './orders.ts';
import { printable } from './printable.ts';
import type { Questions } from './questions.ts';
import { parseTarget, restorable, restorableTable, restoreManifest } from './restore.ts';
import type { Session } from './session.ts';

/** @returns the whole of it, to which a yes was said. @throws CliError, ApiError */
export const askRestore = async (session: Session, given: RestoreFlags, questions: Questions): Promise<Manifest> => {
  const { say, namespace } = session;
  let flags = given;
  if (flags.from === undefined && flags.latest === undefined && flags.record === undefined) {
    const job = await askBackup(session, questions);
    flags = { ...flags, from: job.metadata.name };
    if (flags.paths.length === 0) flags = { ...flags, paths: await askPaths(session, questions, job) };
  }
  if (flags.to === undefined) flags = { ...flags, to: await askTarget(session, questions) };
  if (flags.conflict === undefined) flags = { ...flags, conflict: await askConflict(session, questions) };
  const manifest = restoreManifest(flags, namespace);
  say(`\n${stringify(printable({ apiVersion, kind: 'Restore', ...manifest })).trimEnd()}\n`);
  const answer = await questions.ask('Restore that? yes or no: ');
  if (!/^y(es)?$/i.test(answer)) throw new CliError('Refused', 'nothing was made');
  return manifest;
};

const askBackup = async (session: Session, { ask }: Questions): Promise<BackupJob> => {
  const { api, namespace, signal, say, nowMs } = session;
  const jobs = restorable(await readList(api, backupJobs, namespace, signal));
  if (jobs.length === 0) throw new CliError('NotFound', `no backup job of ${namespace} has succeeded`);
  for (const line of restorableTable(jobs, nowMs(), true)) say(line);
  for (;;) {
    const answer = await ask('Which backup? Number or name, or a time for the newest before it [1]: ');
    const job = backupFor(answer === '' ? '1' : answer, jobs);
    if (job !== undefined) return job;
    say(`${answer} is no number of the list, no name in it, and no time at which there was one`);
  }
};

/** @param jobs  the newest first. Pure. */
export const backupFor = (answer: string, jobs: readonly BackupJob[]): BackupJob | undefined => {
  const named = jobs.find(({ metadata }) => metadata.name === answer);
  if (named !== undefined) return named;
  if (/^\d{1,4}$/.test(answer)) return jobs[Number(answer) - 1];
  const before = Date.parse(answer);
  return jobs.find(({ status }) => Date.parse(status?.completionTime ?? '') <= before);
};

const askPaths = async (session: Session, { ask }: Questions, job: BackupJob): Promise<readonly string[]> => {
  const { say } = session;
  const catalogue = await findCatalogue(session, job);
  say('Which files and folders? Relative to the source, one a line; an empty line ends, at once: everything.');
  if (catalogue !== undefined) say('? lists what is in the backup, ? FOLDER what is in a folder.');
  const paths: string[] = [];
  for (;;) {
    const answer = await ask(paths.length === 0 ? 'Path [everything]: ' : 'Path [no more]: ');
    if (answer === '') return paths;
    if (answer.startsWith('?')) await list(session, job, catalogue, answer.slice(1).trim());
    else if (/(^|\/)\.\.(\/|$)/.test(answer)) say(`${answer}: no path may lead upwards by ..`);
    else paths.push(answer);
  }
};

/** A catalogue folder of a server that this machine has, too, with indexes of the backup. */
const findCatalogue = async ({ api, signal }: Session, { metadata }: BackupJob): Promise<string | undefined> => {
  try {
    const servers = await readList(api, backupServers, undefined, signal);
    const folders = servers.flatMap(({ spec }) => spec.catalogueFolder?.hostPath?.path ?? []);
    return folders.find((folder) => existsSync(join(folder, metadata.uid ?? '')));
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return undefined;
    throw error;
  }
};

const list = async (
  { say }: Session,
  { metadata }: BackupJob,
  catalogue: string | undefined,
  path: string,
): Promise<void> => {
  if (catalogue === undefined) return say('no catalogue folder of this backup is on this machine: see `ls --help`');
  const { listBackup } = await import('./list-backup.ts');
  const print = (lines: readonly string[]): void => lines.forEach(say);
  const listing = { catalogue, of: { kind: 'folder', path }, long: false } as const;
  listBackup({ screen: { isTerminal: true, print, redraw: print }, say }, metadata.uid ?? '', listing);
};

const askTarget = async ({ say }: Session, { ask }: Questions): Promise<string> => {
  for (;;) {
    const answer = await ask('Where to? A folder on a server, claim:NAME or claim:NAME/FOLDER: ');
    try {
      parseTarget(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      say(error.message);
    }
  }
};

const meanings: Readonly<Record<Conflict, string>> = {
  Fail: 'is left, and reported',
  Skip: 'is left',
  Overwrite: 'is replaced',
  KeepNewer: 'is replaced only by a newer one',
};

const askConflict = async ({ say }: Session, { ask }: Questions): Promise<Conflict> => {
  say('A file that is there already:');
  conflicts.forEach((conflict, index) => say(`  ${String(index + 1)}  ${conflict.padEnd(9)}  ${meanings[conflict]}`));
  for (;;) {
    const answer = await ask('Which? Number or name [1]: ');
    const found = conflicts.find(
      (conflict, index) =>
        String(index + 1) === (answer === '' ? '1' : answer) || conflict.toLowerCase() === answer.toLowerCase(),
    );
    if (found !== undefined) return found;
  }
};
