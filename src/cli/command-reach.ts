/** The options of every command that asks the API server. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ObjectFormat, Order, Reach } from './orders.ts';

export interface Doing {
  /** From the user's folder. */
  readonly absolute: (path: string) => string;
  readonly run: (order: Order) => Promise<void>;
}

interface ReachFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly operatorNamespace?: string;
  readonly allNamespaces?: boolean;
}

/**
 * Adds the options and the action.
 *
 * @param scope `cluster`: no namespace is meant; `namespace`: one; `namespaces`: one or all
 */
export const withReach = <F extends object>(
  command: Command,
  { absolute }: Pick<Doing, 'absolute'>,
  scope: 'cluster' | 'namespace' | 'namespaces',
  act: (reach: Reach, args: readonly (string | undefined)[], flags: F) => Promise<void>,
): Command => {
  if (scope !== 'cluster') command.option('-n, --namespace <name>', "namespace (default: the kubeconfig's)");
  if (scope === 'namespaces')
    command.addOption(new Option('-A, --all-namespaces', 'of all namespaces').conflicts('namespace'));
  return command
    .option(
      '--kubeconfig <file>',
      'how to reach the API server (default: KUBECONFIG, the pod, ~/.kube/config)',
      absolute,
    )
    .option('--context <name>', 'context of the kubeconfig (default: its current one)')
    .addOption(
      new Option('--operator-namespace <name>', 'where the operator is (default: where its Deployment is found)').env(
        'TWINREEL_NAMESPACE',
      ),
    )
    .action(async () => {
      const flags = command.opts<ReachFlags & F>();
      const { kubeconfig, context, namespace, operatorNamespace, allNamespaces = false } = flags;
      const reach: Reach = {
        ...(kubeconfig !== undefined && { kubeconfig }),
        ...(context !== undefined && { context }),
        ...(namespace !== undefined && { namespace }),
        ...(operatorNamespace !== undefined && { operatorNamespace }),
        allNamespaces,
      };
      await act(reach, command.processedArgs.map(textOf), flags);
    });
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const objectOutput = (): Option =>
  new Option('-o, --output <format>', 'the object as it is').choices(['json', 'yaml']);

export const tableOutput = (): Option =>
  new Option('-o, --output <format>', 'the objects as they are; wide: more columns').choices(['json', 'yaml', 'wide']);

/** For `...` in an order: an absent flag is an absent field. */
export const outputOf = ({ output }: { readonly output?: ObjectFormat }) => (output === undefined ? {} : { output });

/** For commander: a whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least)
      throw new InvalidArgumentError(`It must be a whole number, ${String(least)} or more.`);
    return number;
  };

/** For commander: an option that may be given more than once. */
export const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];
