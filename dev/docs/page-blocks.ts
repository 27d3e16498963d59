/** Fenced code blocks of a Markdown page, with the mark that says what the tests do with each. Pure. */

/** Where the commands of a page are run: on everything as processes of one machine, or on a whole cluster. */
export type Place = 'local' | 'cluster';

/** What an HTML comment on the line before a block says. */
export type Mark =
  | { readonly kind: 'run'; readonly place: Place }
  | { readonly kind: 'file'; readonly place: Place; readonly name: string }
  | { readonly kind: 'dryRun'; readonly place: Place }
  | { readonly kind: 'notRun'; readonly reason: string };

export interface Block {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: readonly string[];
  /** The comment before it; undefined where there is none. */
  readonly comment: string | undefined;
}

const fence = /^( *)```(\S*)\s*$/;
const commentLine = /^\s*<!--\s*(.*?)\s*-->\s*$/;

/** @throws Error where a fence stays open */
export const readBlocks = (page: string): readonly Block[] => {
  const lines = page.split('\n');
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const opening = fence.exec(lines[at] ?? '');
    if (opening === null) {
      at += 1;
      continue;
    }
    const indent = opening[1] ?? '';
    const end = lines.findIndex((line, index) => index > at && line === `${indent}\`\`\``);
    if (end < 0) throw new Error(`line ${at + 1}: this block has no end`);
    blocks.push({
      line: at + 1,
      language: opening[2] ?? '',
      text: lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)),
      comment: commentLine.exec(lines[at - 1] ?? '')?.[1],
    });
    at = end + 1;
  }
  return blocks;
};

const place = '(?<place>local|cluster)';
const grammar = {
  run: new RegExp(`^run: ${place}$`),
  file: new RegExp(`^file: ${place} (?<name>[a-z0-9][a-z0-9.-]*)$`),
  dryRun: new RegExp(`^dry run: ${place}$`),
  notRun: /^not run: (?<reason>\S.{9,})$/,
} as const;

const placeOf = (found: RegExpExecArray): Place => (found.groups?.['place'] === 'cluster' ? 'cluster' : 'local');

/** @returns undefined where the comment is no mark */
export const readMark = (comment: string): Mark | undefined => {
  const run = grammar.run.exec(comment);
  if (run !== null) return { kind: 'run', place: placeOf(run) };
  const file = grammar.file.exec(comment);
  if (file !== null) return { kind: 'file', place: placeOf(file), name: file.groups?.['name'] ?? '' };
  const dryRun = grammar.dryRun.exec(comment);
  if (dryRun !== null) return { kind: 'dryRun', place: placeOf(dryRun) };
  const notRun = grammar.notRun.exec(comment);
  return notRun === null ? undefined : { kind: 'notRun', reason: notRun.groups?.['reason'] ?? '' };
};

/** Blocks in these are read, not typed: the words of a format, a picture, what a command has printed. */
const proseLanguages: readonly string[] = ['text', 'json'];
const languagesOf: Readonly<Record<Mark['kind'], readonly string[]>> = {
  run: ['sh', 'console'],
  file: ['yaml', 'sh'],
  dryRun: ['yaml'],
  notRun: ['sh', 'console', 'yaml'],
};

/** @returns why the block can't stand so; undefined where it can */
export const problemOf = ({ language, comment }: Block): string | undefined => {
  if (proseLanguages.includes(language)) return undefined;
  if (language === '') return 'this block names no language: text, json, sh, console or yaml';
  if (!languagesOf.notRun.includes(language)) return `${language}: name text, json, sh, console or yaml`;
  const mark = readMark(comment ?? '');
  if (mark === undefined) {
    return 'the line before this block has to say what the tests do with it: <!-- run: local --> and so on';
  }
  if (!languagesOf[mark.kind].includes(language)) return `a ${language} block can't be marked "${comment ?? ''}"`;
  return undefined;
};

export interface Replacement {
  readonly written: string;
  /** Name of the variable of the test that stands for it. */
  readonly variable: string;
}

/** What the page's reader would choose otherwise, too: `<!-- replace: /tmp/twinreel with $STATE -->`. */
export const readReplacements = (page: string): readonly Replacement[] =>
  [...page.matchAll(/^\s*<!-- replace: (\S+) with \$([A-Z]+) -->\s*$/gm)].map(([, written = '', variable = '']) => ({
    written,
    variable,
  }));
