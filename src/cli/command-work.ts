/** Commands about jobs and restores. */
import { type Command, Option } from 'commander';
import { collect, type Doing, objectOutput, outputOf, wholeNumber, withReach } from './command-reach.ts';
import { conflicts, type BackupFlags, type Making, type ObjectFormat, type RestoreFlags } from './orders.ts';

export const addWorkCommands = (program: Command, doing: Doing): void => {
  addDescribe(program, doing);
  addLogs(program, doing);
  addCancel(program, doing);
  addBackup(program, doing);
  addRestore(program, doing);
  addVerify(program, doing);
};

const jobHelp = 'NAME of a job or restore, or backupjob/NAME, or restore/NAME';

const addDescribe = (program: Command, doing: Doing): void => {
  const command = program
    .command('describe')
    .description('tells everything about one object: a job as a story, hardware with who uses it')
    .argument('<name>', `${jobHelp}; or server/, library/, tape/, switch/, schedule/, pool/, record/NAME`)
    .addOption(objectOutput());
  withReach(command, doing, 'namespace', async (reach, [name = ''], flags: { readonly output?: ObjectFormat }) =>
    doing.run({ kind: 'describe', reach, name, ...outputOf(flags) }),
  );
};

interface LogFlags {
  readonly stream?: number;
  readonly tail?: number;
  readonly follow?: boolean;
}

const addLogs = (program: Command, doing: Doing): void => {
  const command = program
    .command('logs')
    .description('shows what the worker pods of a job or restore have logged')
    .argument('<job>', jobHelp)
    .option('--stream <number>', 'of this stream only', wholeNumber(0))
    .option('--tail <lines>', 'only the last lines of each pod', wholeNumber(0))
    .option('-f, --follow', 'go on until the job has ended, from pod to pod and over failovers');
  withReach(command, doing, 'namespace', async (reach, [name = ''], { stream, tail, follow = false }: LogFlags) =>
    doing.run({
      kind: 'logs',
      follow,
      reach,
      name,
      ...(stream !== undefined && { stream }),
      ...(tail !== undefined && { tail }),
    }),
  );
};

const addCancel = (program: Command, doing: Doing): void => {
  const command = program
    .command('cancel')
    .description('ends a job or restore for good as Cancelled; what it holds is released')
    .argument('<job>', jobHelp)
    .option('--wait', 'return when it has ended');
  withReach(command, doing, 'namespace', async (reach, [name = ''], { wait = false }: { readonly wait?: boolean }) =>
    doing.run({ kind: 'cancel', reach, name, wait }),
  );
};

/** Of commands that make an object. */
const withMaking = (command: Command): Command =>
  command
    .option('--name <name>', 'name of the object (default: a new one)')
    .option('--wait', 'show how far it is, and return when it has ended: with 1 if it has not succeeded')
    .addOption(objectOutput());

type Parsed<T> = { readonly [K in keyof T]?: T[K] };

const makingOf = (flags: Parsed<Making>): Making => ({
  wait: flags.wait ?? false,
  dryRun: flags.dryRun ?? false,
  ...outputOf(flags),
});

const addBackup = (program: Command, doing: Doing): void => {
  const command = program
    .command('backup')
    .description('makes a BackupJob, or asks a schedule to make one now')
    .option('--dry-run', 'only print the object, as YAML, for a file in Git')
    .option('--path <dir>', 'folder on the servers, as BackupServer.spec.hostPaths allows')
    .option('--shared', 'the path is the same file system on every server, such as NFS')
    .option('--claim <name[:folder]>', 'a PersistentVolumeClaim of the namespace')
    .option('--from-schedule <name>', 'what this BackupSchedule does, now')
    .option('--routes <number>', 'complete ways from server to tape that are secured', wholeNumber(1))
    .option('--copies <number>', 'tapes on which every segment is wanted', wholeNumber(1))
    .option('--segment-size <size>', 'such as 256Mi: at most so much is written again after a failure')
    .option('--pool <name>', 'media pool of the tapes')
    .option('--include <pattern>', 'only this; more than once', collect, [])
    .option('--exclude <pattern>', 'all but this; more than once', collect, [])
    .option('--keep-for <duration>', 'retention, such as 30d')
    .option('--no-queue', 'fail at once if not all routes can be secured')
    .addHelpText('after', '\nExamples:\n  backup --path /data --routes 2 --copies 2 --wait\n  backup --claim db:main')
    .addHelpText('after', '  backup --from-schedule nightly --wait');
  type Flags = Parsed<Omit<BackupFlags, 'noQueue'> & Making> & { readonly queue: boolean };
  withReach(withMaking(command), doing, 'namespace', async (reach, _args, flags: Flags) => {
    const ways = [flags.path, flags.claim, flags.fromSchedule].filter((way) => way !== undefined);
    if (ways.length !== 1) command.error('error: say what: exactly one of --path, --claim and --from-schedule');
    if (flags.fromSchedule !== undefined && flags.dryRun === true)
      command.error('error: --dry-run and --from-schedule exclude each other: the schedule holds the object');
    await doing.run({ kind: 'backup', reach, ...backupFlags(flags), ...makingOf(flags) });
  });
};

const backupFlags = (flags: Parsed<Omit<BackupFlags, 'noQueue'>> & { readonly queue: boolean }): BackupFlags => {
  const { path, claim, fromSchedule, name, routes, copies, segmentSize, pool, keepFor } = flags;
  return {
    shared: flags.shared ?? false,
    include: flags.include ?? [],
    exclude: flags.exclude ?? [],
    noQueue: !flags.queue,
    ...(path !== undefined && { path }),
    ...(claim !== undefined && { claim }),
    ...(fromSchedule !== undefined && { fromSchedule }),
    ...(name !== undefined && { name }),
    ...(routes !== undefined && { routes }),
    ...(copies !== undefined && { copies }),
    ...(segmentSize !== undefined && { segmentSize }),
    ...(pool !== undefined && { pool }),
    ...(keepFor !== undefined && { keepFor }),
  };
};

const addRestore = (program: Command, doing: Doing): void => {
  const command = program
    .command('restore')
    .description('makes a Restore, or lists what can be restored; on a terminal asks for what is not said')
    .option('--list', 'show what can be restored: backups that succeeded')
    .option('--dry-run', 'only print the object, as YAML, for a file in Git')
    .option('--from <job>', 'a BackupJob that succeeded')
    .option('--latest <schedule>', 'the newest backup of a BackupSchedule that succeeded')
    .option('--record <name>', 'any BackupSaveRecord of the backup, also when its job is gone')
    .option('--path <path>', 'file or folder, relative to the source; more than once (default: all)', collect, [])
    .option('--to <target>', 'folder on a server, or claim:NAME or claim:NAME/FOLDER')
    .addOption(new Option('--conflict <rule>', 'what happens to files that are there').choices(conflicts))
    .addHelpText('after', '\nExamples:\n  restore --from nightly --path docs --to /out --wait')
    .addHelpText('after', '  restore --latest nightly --to claim:db/restored');
  type Flags = Parsed<Omit<RestoreFlags, 'paths'> & Making> & {
    readonly list?: boolean;
    readonly path: readonly string[];
  };
  withReach(withMaking(command), doing, 'namespace', async (reach, _args, flags: Flags) => {
    const { from, latest, record, to, conflict, name, list = false } = flags;
    const sources = [from, latest, record].filter((source) => source !== undefined);
    if (sources.length > 1) command.error('error: --from, --latest and --record exclude each other');
    if (list && flags.dryRun === true) command.error('error: --list and --dry-run exclude each other');
    await doing.run({
      kind: 'restore',
      reach,
      list,
      paths: flags.path,
      ...(from !== undefined && { from }),
      ...(latest !== undefined && { latest }),
      ...(record !== undefined && { record }),
      ...(to !== undefined && { to }),
      ...(conflict !== undefined && { conflict }),
      ...(name !== undefined && { name }),
      ...makingOf(flags),
    });
  });
};

const addVerify = (program: Command, doing: Doing): void => {
  const command = program
    .command('verify')
    .description('reads a backup back from its tapes, every copy, and checks it; writes nothing')
    .argument('<backup>', 'NAME of a BackupJob that succeeded; or record/NAME, also when the job is gone')
    .option('--stream <number>', 'only the copies that this stream wrote', wholeNumber(0))
    .addHelpText(
      'after',
      '\nIt makes a Restore whose target is discard; the condition Verified of the job tells the result.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  verify nightly-29411 --wait\n  verify record/1a2b3c4d-n17-s1 --stream 1 --wait',
    );
  type Flags = Parsed<Making> & { readonly stream?: number; readonly name?: string };
  withReach(withMaking(command), doing, 'namespace', async (reach, [backup = ''], flags: Flags) => {
    const { stream, name } = flags;
    await doing.run({
      kind: 'verify',
      reach,
      backup,
      ...(stream !== undefined && { stream }),
      ...(name !== undefined && { name }),
      ...makingOf(flags),
    });
  });
};
