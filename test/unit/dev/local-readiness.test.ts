import { describe, expect, it } from 'vitest';
import { judgeReadiness, parseObjects, type SeenObject } from '../../../dev/local/readiness.ts';

const seen = (kind: string, state?: string, reason?: string): SeenObject => ({ kind, name: 'x', state, reason });

describe('judgeReadiness', () => {
  it('is ready when all is usable, in use, scratch or full', () => {
    const objects = [
      seen('TapeLibrary', 'Usable'),
      seen('BackupServer', 'InUse'),
      seen('Tape', 'Scratch'),
      seen('Tape', 'Full'),
    ];
    expect(judgeReadiness(objects, 2)).toEqual({ waitingFor: [], broken: [] });
  });

  it('waits for what the operator has not seen: empty status is unknown, never free', () => {
    expect(judgeReadiness([seen('FCSwitch'), seen('BackupServer', 'Unknown', 'NoInventory')], 0)).toEqual({
      waitingFor: ['FCSwitch x (not seen by the operator)', 'BackupServer x (Unknown: NoInventory)'],
      broken: [],
    });
  });

  it('waits for tapes that no inventory has named', () => {
    expect(judgeReadiness([seen('Tape', 'Scratch')], 3).waitingFor).toEqual([
      '2 tapes that no inventory has named yet',
    ]);
  });

  it('tells what will not become usable of itself', () => {
    const one = 'TapeLibrary x (NotUsable: ChangerFailed)';
    expect(judgeReadiness([seen('TapeLibrary', 'NotUsable', 'ChangerFailed')], 0)).toEqual({
      waitingFor: [one],
      broken: [one],
    });
  });
});

describe('parseObjects', () => {
  it('reads a list as kubectl prints it', () => {
    const list = {
      items: [
        { kind: 'Tape', metadata: { name: 'a' }, status: { state: 'Full', reason: 'EndOfMedium' } },
        { kind: 'Tape', metadata: { name: 'b' } },
      ],
    };
    expect(parseObjects(JSON.stringify(list))).toEqual([
      { kind: 'Tape', name: 'a', state: 'Full', reason: 'EndOfMedium' },
      { kind: 'Tape', name: 'b', state: undefined, reason: undefined },
    ]);
  });
});
