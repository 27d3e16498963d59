import { describe, expect, test } from 'vitest';
import { makeRecorder, type Occurrence } from '../../../src/kube/events.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { events } from '../../../src/kube/resources.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from './memory-api.ts';

const failover: Occurrence = {
  regarding: { apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', namespace: 'team', name: 'job', uid: 'u1' },
  type: 'Warning',
  reason: 'TapeWriteError',
  action: 'FailOver',
  note: 'stream 1 goes on on drive 3',
};

const begin = (more: object = {}) => {
  const api = makeMemoryApi();
  const clock = makeManualClock();
  const dropped: string[] = [];
  let made = 0;
  const recorder = makeRecorder({
    api,
    controller: 'twinreel.io/operator',
    instance: 'operator-0',
    clock,
    log: silentLog,
    metrics: { ...noMetrics, eventDropped: (reason) => void dropped.push(reason) },
    nameSuffix: () => `${(made += 1)}`,
    ...more,
  });
  return { api, clock, recorder, dropped };
};

describe('a recorder', () => {
  test('writes an Event beside the object that it regards', async () => {
    const { api, recorder } = begin();
    recorder.record(failover);
    await recorder.flush();
    expect(api.read(events, { namespace: 'team', name: 'job.1' })).toMatchObject({
      type: 'Warning',
      reason: 'TapeWriteError',
      action: 'FailOver',
      note: 'stream 1 goes on on drive 3',
      eventTime: '2030-01-01T00:00:00.000000Z',
      reportingController: 'twinreel.io/operator',
      reportingInstance: 'operator-0',
      regarding: failover.regarding,
    });
  });

  test('puts Events about cluster-scoped objects into the namespace "default"', async () => {
    const { api, recorder } = begin();
    recorder.record({ ...failover, regarding: { kind: 'Tape', name: 'abc123l6', uid: 'u2' } });
    await recorder.flush();
    expect(api.read(events, { namespace: 'default', name: 'abc123l6.1' })).toBeDefined();
  });

  test('counts what happens again in one Event, and writes the count now and then', async () => {
    const { api, clock, recorder } = begin();
    for (let i = 0; i < 50; i += 1) recorder.record(failover);
    await settle();
    expect(api.calls).toEqual(['create']);
    await clock.advance(10_000);
    expect(api.calls).toEqual(['create', 'patch']);
    expect(api.read(events, { namespace: 'team', name: 'job.1' })?.series?.count).toBe(50);
    recorder.record(failover);
    await recorder.flush();
    expect(api.read(events, { namespace: 'team', name: 'job.1' })?.series?.count).toBe(51);
    expect(clock.timers()).toBe(0);
  });

  test('begins a new Event when the server has forgotten the first, and after a long time', async () => {
    const { api, clock, recorder } = begin();
    recorder.record(failover);
    await recorder.flush();
    api.remove(events, { namespace: 'team', name: 'job.1' });
    recorder.record(failover);
    await recorder.flush();
    expect(api.read(events, { namespace: 'team', name: 'job.2' })).toBeDefined();
    await clock.advance(600_000);
    recorder.record(failover);
    await recorder.flush();
    expect(api.read(events, { namespace: 'team', name: 'job.3' })).toBeDefined();
  });

  test('limits the new Events of one object, not those of others', async () => {
    const { api, recorder, dropped } = begin({ perObject: { perSecond: 1, burst: 3 } });
    for (let i = 0; i < 10; i += 1) recorder.record({ ...failover, note: `note ${i}` });
    recorder.record({ ...failover, regarding: { ...failover.regarding, name: 'other', uid: 'u3' } });
    await recorder.flush();
    expect(api.calls.filter((method) => method === 'create')).toHaveLength(4);
    expect(dropped).toEqual(Array.from({ length: 7 }, () => 'rate'));
  });

  test('never fails its caller, whatever the server does', async () => {
    const { api, recorder, dropped } = begin();
    api.fail('create', { error: apiError('Forbidden') });
    recorder.record(failover);
    await recorder.flush();
    expect(dropped).toEqual(['failed']);
  });

  test('stops flushing when told to', async () => {
    const { api, recorder } = begin();
    api.fail('create', { hang: true });
    recorder.record(failover);
    const stop = new AbortController();
    const flushing = recorder.flush(stop.signal);
    await settle();
    stop.abort();
    await expect(flushing).resolves.toBeUndefined();
  });

  test('cuts a long note between two characters', async () => {
    const { api, recorder } = begin();
    recorder.record({ ...failover, note: `${'x'.repeat(1022)}€€` });
    await recorder.flush();
    expect(api.read(events, { namespace: 'team', name: 'job.1' })?.note).toBe('x'.repeat(1022));
  });
});
