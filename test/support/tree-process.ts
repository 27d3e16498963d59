/** Making and comparing large trees in processes of their own: both take long and never yield. */
import { root, run } from './shell.ts';
import type { TreeCompareOptions, TreeComparison } from './compare-trees.ts';
import type { TreeWish } from './make-tree.ts';

const call = async (file: string, name: string, args: readonly unknown[]): Promise<unknown> => {
  const list = args.map((arg) => JSON.stringify(arg)).join(', ');
  const script = `import { ${name} } from './test/support/${file}.ts';
    console.log(JSON.stringify(${name}(${list}) ?? null));`;
  const ended = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: root });
  if (ended.code !== 0) throw new Error(`${name}: ${ended.stderr}`);
  return JSON.parse(ended.stdout);
};

export const makeTreeElsewhere = async (path: string, wish: TreeWish): Promise<void> => {
  await call('make-tree', 'makeTree', [path, wish]);
};

export const compareTreesElsewhere = async (
  left: string,
  right: string,
  options: TreeCompareOptions = {},
): Promise<TreeComparison> => (await call('compare-trees', 'compareTrees', [left, right, options])) as TreeComparison;
