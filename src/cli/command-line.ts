import { Command, InvalidArgumentError, Option } from 'commander';
import { parseQuantity } from '../decide/units.ts';
import type { NewLibrary } from './make-library.ts';

/** What the command line asks for; folders are absolute. */
export type Order =
  | {
      readonly kind: 'status';
      readonly job?: string;
      readonly kubeconfig?: string;
      readonly context?: string;
      readonly namespace?: string;
      readonly allNamespaces: boolean;
      readonly output?: 'json' | 'yaml';
      readonly watch: boolean;
    }
  | { readonly kind: 'tapeList'; readonly library: string }
  | { readonly kind: 'tapeExport'; readonly library: string; readonly barcode: string; readonly out: string }
  | { readonly kind: 'libraryCreate'; readonly library: NewLibrary };

interface StatusFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output?: 'json' | 'yaml';
  readonly watch?: boolean;
}

interface CommandLineOptions {
  readonly version: string;
  /** From the user's folder. */
  readonly absolute: (path: string) => string;
  readonly run: (order: Order) => Promise<void>;
}

/** The whole command line. Parsing rejects with a `CommanderError`, whose `exitCode` is 0 for `--help` and `--version`. */
export const makeCommandLine = ({ version, absolute, run }: CommandLineOptions): Command => {
  const program = new Command('kubectl-twinreel')
    .description('Looks at backups and restores of Twinreel, and into virtual tape libraries.')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 the command line is wrong.');
  addStatus(program, absolute, run);
  const tape = program
    .command('tape')
    .description('reads tapes of a virtual library; nothing is locked or changed')
    .helpCommand(false);
  addTapeList(tape, absolute, run);
  addTapeExport(tape, absolute, run);
  const library = program.command('library').description('makes virtual tape libraries').helpCommand(false);
  addLibraryCreate(library, absolute, run);
  return program;
};

type Absolute = CommandLineOptions['absolute'];
type Run = CommandLineOptions['run'];

const addStatus = (program: Command, absolute: Absolute, run: Run): void => {
  program
    .command('status')
    .description('shows all jobs and restores, or tells everything about one')
    .argument('[job]', 'NAME of a job or restore, or backupjob/NAME, or restore/NAME')
    .option('-n, --namespace <name>', "namespace (default: the kubeconfig's)")
    .addOption(new Option('-A, --all-namespaces', 'of all namespaces').conflicts('namespace'))
    .addOption(new Option('-o, --output <format>', 'the objects as they are').choices(['json', 'yaml']))
    .addOption(new Option('-w, --watch', 'go on showing; for one job until it has ended').conflicts('output'))
    .option(
      '--kubeconfig <file>',
      'how to reach the API server (default: KUBECONFIG, the pod, ~/.kube/config)',
      absolute,
    )
    .option('--context <name>', 'context of the kubeconfig (default: its current one)')
    .action(
      async (job: string | undefined, { allNamespaces = false, watch = false, ...flags }: StatusFlags, command) => {
        if (job !== undefined && allNamespaces) (command as Command).error("error: one job's namespace is given by -n");
        await run({ kind: 'status', ...(job !== undefined && { job }), ...flags, allNamespaces, watch });
      },
    );
};

const libraryHelp = 'folder of the library, such as DIR/libraries/library-0';

const addTapeList = (tape: Command, absolute: Absolute, run: Run): void => {
  tape
    .command('list')
    .description('lists the tapes of a virtual library')
    .requiredOption('--library <dir>', libraryHelp, absolute)
    .action(async ({ library }: { readonly library: string }) => run({ kind: 'tapeList', library }));
};

const addTapeExport = (tape: Command, absolute: Absolute, run: Run): void => {
  tape
    .command('export')
    .description('writes each tape file of a tape into a file of its own: OUT/00000, 00001, …')
    .requiredOption('--library <dir>', libraryHelp, absolute)
    .requiredOption('--barcode <barcode>', 'barcode of the tape, in any case')
    .requiredOption('--out <dir>', 'folder to write into; made where it does not exist', absolute)
    .addHelpText('after', '\nThe payload of group g is the file 3g+2; docs/format.md tells how to read it with tar.')
    .action(async (flags: { readonly library: string; readonly barcode: string; readonly out: string }) =>
      run({ kind: 'tapeExport', ...flags }),
    );
};

interface LibraryFlags {
  readonly library: string;
  readonly drives: number;
  readonly slots: number;
  readonly tapeSize: number;
  readonly prefix: string;
}

const addLibraryCreate = (library: Command, absolute: Absolute, run: Run): void => {
  library
    .command('create')
    .description('makes a virtual library: a folder with drives, slots and a labelled tape in every slot')
    .requiredOption('--library <dir>', 'its folder; made where it does not exist', absolute)
    .option('--drives <n>', 'drives, 1 to 64', wholeNumber(1, 64), 2)
    .option('--slots <n>', 'slots with a tape each, 1 to 1000', wholeNumber(1, 1000), 10)
    .addOption(
      new Option('--tape-size <size>', 'capacity of a tape, such as 20Gi')
        .argParser(tapeSize)
        .default(20 * 2 ** 30, '20Gi'),
    )
    .option('--prefix <letters>', "first letters of the barcodes, each library's its own", barcodePrefix, 'A')
    .addHelpText('after', '\nTapes take disk space only as they are written. A TapeLibrary names the folder then.')
    .action(async ({ library: folder, tapeSize: tapeSizeBytes, ...rest }: LibraryFlags) =>
      run({ kind: 'libraryCreate', library: { folder, tapeSizeBytes, ...rest } }),
    );
};

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= most)) throw new InvalidArgumentError(`It must be from ${least} to ${most}.`);
    return number;
  };

const leastTapeBytes = 2 ** 20;

const tapeSize = (text: string): number => {
  const bytes = parseQuantity(text);
  if (!(bytes >= leastTapeBytes))
    throw new InvalidArgumentError('It must be a quantity of at least 1Mi, such as 20Gi.');
  return bytes;
};

const barcodePrefix = (text: string): string => {
  if (!/^[A-Z]{1,3}$/.test(text)) throw new InvalidArgumentError('It must be one to three letters from A to Z.');
  return text;
};
