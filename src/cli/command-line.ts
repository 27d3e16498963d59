import { Command, Option } from 'commander';

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
  | { readonly kind: 'tapeExport'; readonly library: string; readonly barcode: string; readonly out: string };

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
