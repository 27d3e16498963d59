import type { Fault } from './faults-file.ts';

/** A fault that a drive has seen: what the drive had moved by then, and how often the fault has struck. */
export interface ArmedFault {
  readonly fault: Fault;
  readonly baselineBytes: number;
  readonly fired: number;
}

/**
 * The faults in force after the file was seen with a new content, or with the same content set once more. Pure.
 * An entry that stood there before keeps its count, unless the file was written again as it was: that sets all anew.
 *
 * @param movedBytes  what the drive has moved in its life
 */
export function armFaults(
  before: readonly ArmedFault[],
  faults: readonly Fault[],
  movedBytes: number,
  setAnew: boolean,
): readonly ArmedFault[] {
  const rest = setAnew ? [] : [...before];
  return faults.map((fault) => {
    const index = rest.findIndex((armed) => isSame(armed.fault, fault));
    const known = index < 0 ? undefined : rest.splice(index, 1)[0];
    return known ?? { fault, baselineBytes: movedBytes, fired: 0 };
  });
}

const isSame = (a: Fault, b: Fault): boolean =>
  a.drive === b.drive &&
  a.kind === b.kind &&
  a.afterBytes === b.afterBytes &&
  a.times === b.times &&
  a.bytesPerSecond === b.bytesPerSecond;

/** `move` locates, spaces and rewinds; `sync` writes filemarks or flushes. */
export type DriveOperation = 'read' | 'write' | 'move' | 'sync';

/** What happens to the next operation: the position of the fault in the list, or nothing. Pure. */
export function strikingFault(
  armed: readonly ArmedFault[],
  operation: DriveOperation,
  movedBytes: number,
): number | undefined {
  const due = armed.flatMap((each, index) =>
    movedBytes - each.baselineBytes >= each.fault.afterBytes && strikes(each, operation) ? [index] : [],
  );
  const rank = (index: number): number => severity[armed[index]?.fault.kind ?? 'slow'];
  return due.sort((a, b) => rank(a) - rank(b))[0];
}

const severity = { offline: 0, stall: 1, writeError: 2, readError: 3, slow: 4 } as const;

function strikes(armed: ArmedFault, operation: DriveOperation): boolean {
  switch (armed.fault.kind) {
    case 'writeError':
      return armed.fired < armed.fault.times && (operation === 'write' || operation === 'sync');
    case 'readError':
      return armed.fired < armed.fault.times && operation === 'read';
    case 'stall':
    case 'slow':
    case 'offline':
      return true;
  }
}
