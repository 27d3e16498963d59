/** `cluster fault …`: the faults of the bench, for hands. */
import { Argument, type Command } from 'commander';
import {
  continueKubelet,
  cutNode,
  freezeNode,
  joinNode,
  killProcess,
  removeImage,
  restoreImage,
  startProcess,
  stopKubelet,
  thawNode,
} from './faults.ts';
import { type Layout, type NodeName, nodeNames } from './layout.ts';

interface StateOption {
  readonly state: string;
}

type NodeFault = (layout: Layout, node: NodeName) => void | Promise<void>;

const ofNodes: readonly (readonly [string, string, NodeFault])[] = [
  ['stop-kubelet', 'it neither reports nor obeys; its pods go on', stopKubelet],
  ['continue-kubelet', 'the end of stop-kubelet', continueKubelet],
  ['freeze', 'the node stands still with all its processes, those of pods too', freezeNode],
  ['thaw', 'the end of freeze', thawNode],
  ['cut', 'the node and its pods reach nobody; everything on it goes on', cutNode],
  ['join', 'the end of cut', joinNode],
];

/** @param stateFlag flags and description of the option that names the state folder */
export function addFaultCommands(
  program: Command,
  stateFlag: readonly [string, string],
  open: (options: StateOption) => Layout,
): void {
  const faults = program
    .command('fault')
    .description('does harm to a running cluster, and mends it')
    .helpCommand(false);
  const add = (name: string, description: string): Command =>
    faults
      .command(name)
      .description(description)
      .requiredOption(...stateFlag);
  const node = (): Argument => new Argument('<node>', 'one of the nodes').choices(nodeNames);

  for (const [name, description, act] of ofNodes) {
    add(name, description)
      .addArgument(node())
      .action(async (on: NodeName, options: StateOption) => act(open(options), on));
  }
  add('kill', 'ends a process as a crash does; PROCESS is a name in processes.json, such as kube-apiserver')
    .argument('<process>')
    .action(async (name: string, options: StateOption) => killProcess(open(options), name));
  add('start', 'starts again what has ended, with the same command line')
    .argument('<process>')
    .action(async (name: string, options: StateOption) => startProcess(open(options), name));
  for (const [name, description, act] of [
    ['remove-image', 'the node has the image no more; containers that run go on', removeImage],
    ['restore-image', 'the end of remove-image', restoreImage],
  ] as const) {
    add(name, description)
      .addArgument(node())
      .argument('<image>', 'as pods name it, such as twinreel:dev')
      .action(async (on: NodeName, image: string, options: StateOption) => act(open(options), on, image));
  }
}
