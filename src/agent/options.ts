/** The agent's command line; every flag has an environment variable of its own. */
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

export interface AgentOptions {
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly state: string;
  readonly namespace: string;
  readonly entrypoint: readonly string[];
  readonly allowCommand: boolean;
  readonly onStop: 'kill' | 'leave';
  readonly killGraceSeconds: number;
  readonly address?: string;
  readonly logLevel: string;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

const dnsName = (text: string): string => {
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It is no DNS name: lower case letters, digits, "-" and ".".');
  }
  return text;
};

const seconds = (text: string): number => {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is no whole number of seconds.');
  return Number(text);
};

const address = (text: string): string => {
  if (!/^[0-9a-fA-F.:]+$/.test(text)) throw new InvalidArgumentError('It is no IP address.');
  return text;
};

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((word) => typeof word === 'string');

/** Given on the command line as words, in the environment as a JSON list or as one program. */
const entrypointWords = (word: string, before: readonly string[] | undefined): readonly string[] => {
  if (!word.startsWith('[')) return [...(before ?? []), word];
  try {
    const words: unknown = JSON.parse(word);
    if (isStrings(words) && words.length > 0) return words;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('It is no JSON list of words.');
};

const workerMain = fileURLToPath(new URL('../worker/main.ts', import.meta.url));

const variable = (option: Option): Option =>
  option.env(`TWINREEL_AGENT_${option.name().toUpperCase().replaceAll('-', '_')}`);

const agentCommand = (version: string): Command =>
  new Command('twinreel-agent')
    .description('Runs Twinreel worker pods as processes on a media server that has no kubelet.')
    .version(version)
    .addOption(variable(new Option('--kubeconfig <file>', 'how to reach the API server')))
    .addOption(variable(new Option('--node-name <name>', 'name of the Node')).argParser(dnsName).makeOptionMandatory())
    .addOption(
      variable(new Option('--state <dir>', 'folder for what must outlive the agent: processes, logs, tokens'))
        .argParser((path) => resolve(path))
        .makeOptionMandatory(),
    )
    .addOption(
      variable(new Option('--namespace <name>', 'only pods of this namespace are run'))
        .argParser(dnsName)
        .default('twinreel-system'),
    )
    .addOption(
      variable(new Option('--entrypoint <words...>', 'what a pod runs; default: the worker of this package')).argParser(
        entrypointWords,
      ),
    )
    .addOption(variable(new Option('--allow-command', 'pods may name a command of their own (trials only)')))
    .addOption(
      variable(new Option('--on-stop <what>', 'what becomes of running pods when the agent stops'))
        .choices(['kill', 'leave'])
        .default('kill'),
    )
    .addOption(
      variable(new Option('--kill-grace <seconds>', 'longest grace of a pod when the agent stops'))
        .argParser(seconds)
        .default(30),
    )
    .addOption(variable(new Option('--address <ip>', 'address of this machine; default: its first')).argParser(address))
    .addOption(
      variable(new Option('--log-level <level>', 'least severe messages to log')).choices(logLevels).default('info'),
    );

interface Parsed {
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly state: string;
  readonly namespace: string;
  readonly entrypoint?: readonly string[];
  readonly allowCommand?: boolean;
  readonly onStop: 'kill' | 'leave';
  readonly killGrace: number;
  readonly address?: string;
  readonly logLevel: string;
}

/** Ends the process with a message when the command line makes no sense, unless `quiet`, which throws instead. */
export const parseAgentOptions = (argv: readonly string[], version: string, quiet = false): AgentOptions => {
  const command = agentCommand(version);
  if (quiet) command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  command.parse([...argv], { from: 'user' });
  const { entrypoint, allowCommand, killGrace, ...rest } = command.opts<Parsed>();
  return {
    ...rest,
    entrypoint: entrypoint ?? [process.execPath, workerMain],
    allowCommand: allowCommand ?? false,
    killGraceSeconds: killGrace,
  };
};
