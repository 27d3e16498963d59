import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { isPageAligned } from '../../../src/posix/page-aligned.ts';
import {
  createRingMemory,
  ringBlockBytes,
  RingConsumer,
  RingProducer,
  stopRing,
  type RingMemory,
} from '../../../src/worker/ring.ts';
import { fillPattern } from './fixtures/pattern.ts';
import type { ProducerTask } from './fixtures/ring-producer.ts';

const digestOnOneThread = (blocks: number): string => {
  const hash = createHash('sha256');
  const block = new Uint8Array(ringBlockBytes);
  for (let i = 0; i < blocks; i += 1) {
    fillPattern(block, i);
    hash.update(block);
  }
  return hash.digest('hex');
};

const startProducer = (ring: RingMemory, blocks: number, endEvery: number): Worker => {
  const worker = new Worker(new URL('./fixtures/ring-producer.ts', import.meta.url));
  const task: ProducerTask = { ring, blocks, endEvery };
  worker.postMessage(task);
  return worker;
};

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('the ring between two threads', () => {
  it.each([1, 2, 16])('hands over with %i slots exactly what one thread would have hashed', async (slots) => {
    const ring = createRingMemory(slots);
    const blocks = 300;
    const producer = startProducer(ring, blocks, 7);
    const consumer = new RingConsumer(ring);
    const hash = createHash('sha256');
    let ends = 0;
    for (let seen = 0; seen < blocks;) {
      const slot = consumer.take();
      if (slot?.kind === 'block') {
        hash.update(slot.bytes);
        seen += 1;
      } else ends += 1;
      consumer.release();
    }
    await once(producer, 'exit');
    expect(hash.digest('hex')).toBe(digestOnOneThread(blocks));
    expect(ends).toBe(Math.floor((blocks - 1) / 7));
  });

  it('lets both sides go at once when it is stopped', async () => {
    const ring = createRingMemory(2);
    const producer = startProducer(ring, 1000, 1001);
    const consumer = new RingConsumer(ring);
    expect(consumer.take()?.kind).toBe('block');
    stopRing(ring);
    expect(consumer.take()).toBeUndefined();
    expect(await once(producer, 'exit')).toEqual([0]);
  });

  it('keeps a slot from the producer until it is released', () => {
    const ring = createRingMemory(1);
    const producer = new RingProducer(ring);
    const consumer = new RingConsumer(ring);
    producer.acquire()?.fill(1);
    producer.publish('block', 5);
    const first = consumer.take();
    expect(first?.bytes).toEqual(Buffer.alloc(5, 1));
    consumer.release();
    producer.acquire()?.fill(2);
    producer.publish('end', 3);
    expect(consumer.take()).toEqual({ kind: 'end', bytes: Buffer.alloc(3, 2) });
  });

  it('gives blocks that O_DIRECT takes', () => {
    const producer = new RingProducer(createRingMemory(4));
    const blocks = [1, 2, 3].map(() => {
      const block = producer.acquire();
      producer.publish('block', 1);
      return block;
    });
    expect(blocks.every((block) => block !== undefined && isPageAligned(block))).toBe(true);
  });

  it('refuses a number of slots at which the counters would wrap wrongly', () => {
    expect(() => createRingMemory(3)).toThrow(RangeError);
  });
});
