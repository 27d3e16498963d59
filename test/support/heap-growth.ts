import { setFlagsFromString } from 'node:v8';
import { createContext, Script } from 'node:vm';

// A context that is made after the flag was set knows `gc`.
setFlagsFromString('--expose_gc');
const realm = createContext();
const collect = new Script('gc()');

const usedBytes = (): number => {
  for (let n = 0; n < 3; n += 1) collect.runInContext(realm);
  return process.memoryUsage().heapUsed;
};

/** Bytes of the heap that `act` leaves in use, garbage not counted. */
export const heapGrowth = async (act: () => Promise<void>): Promise<number> => {
  const before = usedBytes();
  await act();
  return usedBytes() - before;
};
