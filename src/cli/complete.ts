/** What may stand where the cursor is. Read off the command line itself, so that it never differs from it. */
import type { Argument, Command, Option } from 'commander';

interface Candidate {
  readonly text: string;
  readonly help: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of files may stand there, too. */
  readonly files: boolean;
}

const nothing: Completion = { candidates: [], files: false };

/** @param words  what is typed, the program's name apart; the last is the one under the cursor, perhaps empty. Pure. */
export const completionOf = (program: Command, words: readonly string[]): Completion => {
  const typed = words.at(-1) ?? '';
  const { command, before, operands } = walk(program, words.slice(0, -1));
  const awaiting = before === undefined ? undefined : valueOption(command, before);
  if (awaiting !== undefined) return narrow(ofValue(awaiting), typed);
  const equals = /^(--[^=]+)=(.*)$/.exec(typed);
  if (equals !== null) {
    const [, name = '', value = ''] = equals;
    const option = valueOption(command, name);
    if (option === undefined) return nothing;
    const { candidates } = narrow(ofValue(option), value);
    return { candidates: candidates.map((one) => ({ ...one, text: `${name}=${one.text}` })), files: false };
  }
  if (typed.startsWith('-')) return narrow({ candidates: optionsOf(command), files: false }, typed);
  const commands = command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ text: one.name(), help: one.description() }));
  if (commands.length > 0) return narrow({ candidates: commands, files: false }, typed);
  const argument = command.registeredArguments[operands];
  return argument === undefined ? nothing : narrow(ofValue(argument), typed);
};

interface Walked {
  readonly command: Command;
  /** The last word before the cursor, where it is an option. */
  readonly before: string | undefined;
  readonly operands: number;
}

const walk = (program: Command, words: readonly string[]): Walked => {
  let command = program;
  let before: string | undefined;
  let operands = 0;
  for (const word of words) {
    const isValue = before !== undefined && valueOption(command, before) !== undefined;
    before = undefined;
    if (isValue) continue;
    if (word.startsWith('-')) before = word;
    else {
      const inner = command.commands.find((one) => one.name() === word);
      if (inner === undefined) operands += 1;
      else command = inner;
    }
  }
  return { command, before, operands };
};

const valueOption = (command: Command, word: string): Option | undefined =>
  command.options.find((option) => option.required && (option.long === word || option.short === word));

const optionsOf = (command: Command): readonly Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({ text: option.long ?? option.short ?? '', help: option.description }));

const ofValue = (value: Option | Argument): Completion => {
  const placeholder = 'flags' in value ? value.flags : value.name();
  return {
    candidates: (value.argChoices ?? []).map((text) => ({ text, help: '' })),
    files: /<(dir|file)>/.test(placeholder),
  };
};

const narrow = ({ candidates, files }: Completion, typed: string): Completion => ({
  candidates: candidates.filter(({ text }) => text.startsWith(typed)),
  files,
});

/** As programs made with cobra answer, which is what kubectl asks its plugins for: 4 is "no files". Pure. */
export const completionLines = ({ candidates, files }: Completion): readonly string[] => [
  ...candidates.map(({ text, help }) => (help === '' ? text : `${text}\t${help.replaceAll(/\s+/g, ' ')}`)),
  files ? ':0' : ':4',
];
