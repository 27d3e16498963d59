/** What `/readyz` waits for. `/healthz` is another matter: a new start does not mend the way to the API server. */
import type { Watched } from '../controllers/caches.ts';

/** A server that starts again is back within this. */
const patienceMs = 60_000;

export const waitingFor = (watched: Pick<Watched, 'hasSynced' | 'brokenFor'>): readonly string[] => {
  if (!watched.hasSynced()) return ['the caches to be filled'];
  const broken = watched.brokenFor(patienceMs);
  return broken.length === 0 ? [] : [`the API server, not heard for ${patienceMs / 1000} s: ${broken.join(', ')}`];
};
