import { parentPort, workerData } from 'node:worker_threads';
import { compareTrees } from '../../test/support/compare-trees.ts';
import type { CompareOrder } from './compare.ts';

const isOrder = (value: unknown): value is CompareOrder =>
  typeof value === 'object' && value !== null && 'left' in value && 'right' in value && 'options' in value;

const order: unknown = workerData;
if (!isOrder(order)) throw new Error('no order to compare');
parentPort?.postMessage(compareTrees(order.left, order.right, order.options));
