/** Commands that make virtual libraries. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseQuantity } from '../decide/units.ts';
import type { Doing } from './command-reach.ts';

interface LibraryFlags {
  readonly library: string;
  readonly drives: number;
  readonly slots: number;
  readonly tapeSize: number;
  readonly prefix: string;
}

export const addLibraryCommands = (program: Command, { absolute, run }: Doing): void => {
  const library = program.command('library').description('makes virtual tape libraries').helpCommand(false);
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
