import { pino } from 'pino';
import type { WorkerOrder } from '../api/worker-order.ts';
import type { Log } from '../kube/log.ts';

/**
 * To stdout, each line written when the call returns: pino's default leaves it to a thread of the pool, and the process
 * ends without waiting for those (`exit-now.ts`), so that the last lines, which matter most, could be lost.
 */
export const openLog = (order: WorkerOrder, env: NodeJS.ProcessEnv): Log => {
  const job = 'job' in order ? { job: `${order.job.namespace}/${order.job.name}` } : {};
  const grant = 'grant' in order ? { stream: order.grant.stream, epoch: order.grant.epoch } : {};
  const base = { role: order.role, pod: order.pod, ...job, ...grant };
  const level = env['TWINREEL_LOG_LEVEL'] ?? 'info';
  const log: Log = pino({ level, base }, pino.destination({ dest: process.stdout.fd, sync: true }));
  return log;
};
