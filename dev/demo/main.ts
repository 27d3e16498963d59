/** `npm run demo`: a backup that survives a broken drive, restored and compared; see `npm run -s demo -- --help`. */
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { BinariesNotFoundError } from '../controlplane/binaries.ts';
import { tapeSize } from '../local/options.ts';
import { UpError } from '../local/up.ts';
import { type DemoFolder, leaveNothing, makeDemoFolder } from './cleanup.ts';
import type { Cluster } from './cluster.ts';
import { DemoError } from './demo-error.ts';
import { tellWhatIsKnown } from './diagnose.ts';
import { tellStory } from './story.ts';
import { makeTeller } from './teller.ts';
import { formatSeconds, Timeline } from './timeline.ts';

interface DemoArguments {
  readonly source?: string;
  readonly size?: number;
  readonly keep?: boolean;
}

const program = new Command('demo')
  .description(
    'Starts a whole Twinreel on this machine (Kubernetes API, operator, node agents, virtual tape libraries), backs up ' +
      'a tree onto two tapes at once, breaks a drive half-way, restores and compares every byte and attribute, and ' +
      'leaves nothing behind.',
  )
  .option('--source <dir>', 'back up this folder instead of a sample tree; it is only read', folderOf)
  .option('--size <size>', 'data in the sample tree, at least 16Mi (default: 1Gi)', tapeSize)
  .option('--keep', 'leave everything running, and say how to look at it and how to stop it')
  .addHelpText(
    'after',
    '\nAll files lie in a new folder below TMPDIR (/tmp); it needs about six times the size.\n' +
      'The first run gets the control plane: a download, or a build of about ten minutes where Go is installed.\n' +
      'Ends with 0 only when every comparison has succeeded.',
  );

const { source, size = 2 ** 30, keep = false } = program.parse().opts<DemoArguments>();
const teller = makeTeller(process.stdout);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted) teller.say(`\n${signal}: stopping everything; nothing will be left`);
    stop.abort(new DemoError(`stopped by ${signal}`));
  });
}
// Whoever read the output is gone (`| head`): that is no reason to leave processes behind.
process.stdout.on('error', () => stop.abort(new DemoError('nobody reads the output any more')));

const furtherCommands =
  'npm run demo -- --keep (leaves it running), npm run demo -- --source DIR (your own files), docs/local.md';

const folder = makeDemoFolder();
process.exitCode = await runDemo();

/** @returns the exit code */
async function runDemo(): Promise<number> {
  const times = new Timeline();
  let cluster: Cluster | undefined;
  let failed = false;
  try {
    const onCluster = (started: Cluster): void => void (cluster = started);
    await tellStory({ folder, source, sampleBytes: size, teller, times, signal: stop.signal, onCluster });
  } catch (error) {
    failed = true;
    await tellFailure(error, cluster);
  }
  if (keep && cluster !== undefined && !stop.signal.aborted) tellHowToGoOn(folder, cluster);
  else if (!(await cleanUp(cluster))) failed = true;
  if (stop.signal.aborted) return 130;
  if (failed) teller.bad(teller.paint('bad', 'THE DEMO FAILED; see above'));
  else {
    teller.good(teller.paint('good', `all of it in ${formatSeconds(times.totalMs)}, and every comparison held`));
    if (!keep) teller.say(`to look further: ${furtherCommands}`);
  }
  return failed ? 1 : 0;
}

async function tellFailure(error: unknown, cluster: Cluster | undefined): Promise<void> {
  if (stop.signal.aborted) return;
  const expected = [DemoError, UpError, BinariesNotFoundError].some((kind) => error instanceof kind);
  const text = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
  teller.bad(teller.paint('bad', text));
  if (cluster === undefined) return;
  await tellWhatIsKnown(cluster, teller);
  teller.bad(teller.paint('bad', text));
}

/** @returns false when something could not be removed */
async function cleanUp(cluster: Cluster | undefined): Promise<boolean> {
  cluster?.close();
  try {
    await leaveNothing(folder);
    teller.good(`nothing is left of it: all processes have ended, ${folder.root} is removed`);
    return true;
  } catch (error) {
    teller.bad(`${folder.root} is left: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function tellHowToGoOn({ root, state }: DemoFolder, cluster: Cluster): void {
  const { layout } = cluster;
  cluster.close();
  teller.chapter('It is still running');
  teller.say(
    [
      `export KUBECONFIG=${layout.kubeconfig} PATH=${layout.executables}:$PATH`,
      'kubectl get backupjobs,restores,tapes,tapelibraries',
      'kubectl describe backupjob demo',
      'npm run -s twinreel -- status demo',
      `npm run -s twinreel -- tape list --library ${path.join(layout.libraries, 'library-0')}`,
      `logs: ${layout.logs}; faults on demand: ${path.join(layout.libraries, 'library-0', 'faults.yaml')}`,
      '',
      `to stop it: npm run -s local -- down --state ${state} && rm -r ${root}`,
    ].join('\n'),
  );
}

/** npm changes to the package's folder; what the user types is meant from his own. */
function folderOf(text: string): string {
  const absolute = path.resolve(process.env['INIT_CWD'] ?? process.cwd(), text);
  if (statSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError(`${absolute} is no folder.`);
  }
  return realpathSync(absolute);
}
