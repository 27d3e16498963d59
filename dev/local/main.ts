/** `npm run -s local -- up|down --state DIR`: Twinreel on this machine, with virtual libraries and a real API server. */
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { BinariesNotFoundError } from '../controlplane/binaries.ts';
import { down, NotLocalError } from './down.ts';
import { layoutOf } from './layout.ts';
import { type LocalOptions, OptionsChangedError, readOptions, tapeSize, wholeNumber } from './options.ts';
import { supervise } from './supervisor.ts';
import { up, UpError } from './up.ts';

interface StateOption {
  readonly state: string;
}

interface UpArguments extends StateOption {
  readonly operator: boolean;
  readonly servers?: number;
  readonly libraries?: number;
  readonly drives?: number;
  readonly slots?: number;
  readonly tapeSize?: number;
  readonly switches?: number;
}

const log = (line: string): void => console.error(line);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const program = new Command('local')
  .description('Runs Twinreel on this machine: a Kubernetes API, operator, node agents, virtual tape libraries.')
  .helpCommand(false)
  .exitOverride();

program
  .command('up')
  .description('starts everything in the background and returns when it is ready')
  .requiredOption('--state <dir>', 'folder for all data, logs and kubeconfig; made when it does not exist', absolute)
  .option('--servers <count>', 'media servers, each with a node agent (default: 2)', wholeNumber(1, 64))
  .option('--libraries <count>', 'virtual tape libraries (default: 2)', wholeNumber(1, 26))
  .option('--drives <count>', 'drives per library (default: 2)', wholeNumber(1, 64))
  .option('--slots <count>', 'slots per library, each with a labelled tape (default: 10)', wholeNumber(1, 10_000))
  .option('--tape-size <size>', 'capacity of a tape (default: 20Gi)', tapeSize)
  .option('--switches <count>', 'simulated Fibre Channel switches (default: 2)', wholeNumber(0, 16))
  .option('--no-operator', 'leave the operator to somebody else, such as a debugger; see DIR/operator/kubeconfig')
  .addHelpText('after', '\nA folder used before goes on with its data and with the options it was made with.')
  .action(async (args: UpArguments) => {
    await up({ folder: args.state, given: givenOptions(args), withOperator: args.operator, log, signal: stop.signal });
    const layout = layoutOf(args.state);
    console.log(`ready; to look at it:\n  export KUBECONFIG=${layout.kubeconfig} PATH=${layout.executables}:$PATH`);
  });

program
  .command('down')
  .description('stops everything that "up" started; data, libraries and tapes stay')
  .requiredOption('--state <dir>', 'folder given to "up"', absolute)
  .action(async (args: StateOption) => {
    await down(args.state, log);
    console.log('stopped');
  });

program
  .command('supervise', { hidden: true })
  .requiredOption('--state <dir>', 'folder that "up" has prepared', absolute)
  .option('--no-operator')
  .action(async (args: StateOption & { readonly operator: boolean }) => {
    const layout = layoutOf(args.state);
    const options = readOptions(layout);
    if (options === undefined) throw new NotLocalError(`${args.state} is no folder that "up" has made`);
    const stamped = (line: string): void => log(`${new Date().toISOString()} ${line}`);
    await supervise({ layout, options, log: stamped, withOperator: args.operator, signal: stop.signal });
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (stop.signal.aborted) log('stopped by a signal; nothing is left running');
  else log(isExpected(error) ? `error: ${error.message}` : String(error instanceof Error ? error.stack : error));
}

/** npm changes to the package's folder; what the user types is meant from his own. */
function absolute(folder: string): string {
  return path.resolve(process.env['INIT_CWD'] ?? process.cwd(), folder);
}

function givenOptions(args: UpArguments): Partial<LocalOptions> {
  const { servers, libraries, drives, slots, switches, tapeSize: tapeSizeBytes } = args;
  return Object.fromEntries(
    Object.entries({ servers, libraries, drives, slots, switches, tapeSizeBytes }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function isExpected(error: unknown): error is Error {
  return [BinariesNotFoundError, NotLocalError, OptionsChangedError, UpError].some((kind) => error instanceof kind);
}
