import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { openPlanInbox } from '../../../src/worker/plan-inbox.ts';
import type { FromPlanWalker } from '../../../src/worker/plan-walker-protocol.ts';
import { makeManualClock } from '../../manual-clock.ts';

describe('what the walk of a source tells', () => {
  it('is also what it has met in a segment that is not cut yet', async () => {
    const walker = new EventEmitter();
    const say = (message: FromPlanWalker): unknown => walker.emit('message', message);
    const inbox = openPlanInbox(walker, makeManualClock(), new AbortController().signal);
    expect(inbox.met()).toBe(0);
    say({ kind: 'met', entries: 4_711 });
    expect([inbox.met(), inbox.take()]).toEqual([4_711, []]);
    say({ kind: 'complete' });
    expect(await inbox.next(1)).toBe(true);
    expect(inbox.met()).toBe(4_711);
  });
});
