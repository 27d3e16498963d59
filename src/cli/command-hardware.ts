/** Commands about tapes, drives and servers. */
import type { Command } from 'commander';
import { type Doing, tableOutput, withReach, wholeNumber } from './command-reach.ts';
import type { HardwareKind, TableFormat } from './orders.ts';

const tables: Readonly<Record<HardwareKind, string>> = {
  tapes: 'lists the tapes: where they are, how full, who uses them',
  drives: 'lists the drives of all libraries: state, tape, who uses them, errors',
  servers: 'lists the backup servers: state, streams, who uses them',
};

export const addHardwareCommands = (program: Command, doing: Doing): void => {
  for (const what of ['tapes', 'drives', 'servers'] as const) {
    const command = program.command(what).description(tables[what]).addOption(tableOutput());
    withReach(command, doing, 'cluster', async (reach, _args, flags: { readonly output?: TableFormat }) =>
      doing.run({
        kind: 'hardware',
        reach,
        what,
        ...(flags.output !== undefined && { output: flags.output }),
      }),
    );
  }
  addDrain(program, doing, true);
  addDrain(program, doing, false);
  const tape = program
    .command('tape')
    .description('reads tapes of a virtual library, takes them out and puts them in')
    .helpCommand(false);
  addTapeList(tape, doing);
  addTapeExport(tape, doing);
  addTapeEject(tape, doing);
  addTapeInsert(tape, doing);
};

const addDrain = (program: Command, doing: Doing, drained: boolean): void => {
  const command = program
    .command(drained ? 'drain' : 'undrain')
    .description(
      drained
        ? 'takes hardware out of use (spec.disabled): running streams end, no new ones start'
        : 'puts hardware into use again',
    )
    .argument('<name>', 'server/NAME, library/NAME, switch/NAME, LIBRARY/DRIVE; or NAME where only one bears it');
  if (drained) command.option('--wait', 'return when nobody uses it any more');
  withReach(command, doing, 'cluster', async (reach, [name = ''], { wait = false }: { readonly wait?: boolean }) =>
    doing.run({ kind: 'drain', reach, name, drained, wait }),
  );
};

const libraryHelp = 'folder of the library, such as DIR/libraries/library-0';

const addTapeList = (tape: Command, { absolute, run }: Doing): void => {
  tape
    .command('list')
    .description('lists the tapes of a virtual library; nothing is locked or changed')
    .requiredOption('--library <dir>', libraryHelp, absolute)
    .action(async ({ library }: { readonly library: string }) => run({ kind: 'tapeList', library }));
};

/** @param absolute makes a path one that holds from anywhere */
const ofOneTape = (tape: Command, verb: string, absolute: Doing['absolute']): Command =>
  tape
    .command(verb)
    .requiredOption('--library <dir>', libraryHelp, absolute)
    .requiredOption('--barcode <barcode>', 'barcode of the tape, in any case');

const addTapeExport = (tape: Command, { absolute, run }: Doing): void => {
  ofOneTape(tape, 'export', absolute)
    .description('writes each tape file of a tape into a file of its own: OUT/00000, 00001, …')
    .requiredOption('--out <dir>', 'folder to write into; made where it does not exist', absolute)
    .addHelpText('after', '\nThe payload of group g is the file 3g+2; docs/format.md tells how to read it with tar.')
    .action(async (flags: { readonly library: string; readonly barcode: string; readonly out: string }) =>
      run({ kind: 'tapeExport', ...flags }),
    );
};

const addTapeEject = (tape: Command, { absolute, run }: Doing): void => {
  ofOneTape(tape, 'eject', absolute)
    .description('takes a tape out of its slot, to be carried away')
    .addHelpText('after', '\nThe cartridge is the folder tapes/BARCODE of the library, and may go elsewhere then.')
    .action(async (flags: { readonly library: string; readonly barcode: string }) =>
      run({ kind: 'tapeEject', ...flags }),
    );
};

const addTapeInsert = (tape: Command, { absolute, run }: Doing): void => {
  ofOneTape(tape, 'insert', absolute)
    .description('puts a tape that lies in tapes/BARCODE into a slot')
    .option('--slot <address>', 'element address of the slot (default: the first free one)', wholeNumber(0))
    .action(async (flags: { readonly library: string; readonly barcode: string; readonly slot?: number }) =>
      run({ kind: 'tapeInsert', ...flags }),
    );
};
