import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../src/kube/core-types.ts';
import { makeStore } from '../../../src/kube/store.ts';

const pod = (name: string, nodeName: string): Pod => ({
  metadata: { namespace: 'ns', name },
  spec: { nodeName, containers: [] },
});

const byNode = { node: (object: Pod) => (object.spec?.nodeName === undefined ? [] : [object.spec.nodeName]) };

describe('a store', () => {
  test('finds an object by key and by index, and gives back what it replaced', () => {
    const store = makeStore<Pod>({ indexes: byNode });
    const first = pod('a', 'n1');
    expect(store.set(first)).toBeUndefined();
    store.set(pod('b', 'n1'));
    expect(store.get('ns/a')).toBe(first);
    expect(store.byIndex('node', 'n1').map((each) => each.metadata?.name)).toEqual(['a', 'b']);
    expect(store.set(pod('a', 'n2'))).toBe(first);
    expect(store.byIndex('node', 'n1').map((each) => each.metadata?.name)).toEqual(['b']);
    expect(store.byIndex('node', 'n2').map((each) => each.metadata?.name)).toEqual(['a']);
  });

  test('takes a deleted object out of every index', () => {
    const store = makeStore<Pod>({ indexes: byNode });
    store.set(pod('a', 'n1'));
    expect(store.delete('ns/a')?.metadata?.name).toBe('a');
    expect(store.delete('ns/a')).toBeUndefined();
    expect(store.byIndex('node', 'n1')).toEqual([]);
    expect(store.list()).toEqual([]);
  });

  test('takes an object out of where it was put in, even when the index function gives something else now', () => {
    let value = 'before';
    const store = makeStore<Pod>({ indexes: { moving: () => [value] } });
    store.set(pod('a', 'n1'));
    value = 'after';
    store.delete('ns/a');
    expect(store.byIndex('moving', 'before')).toEqual([]);
  });

  test('is unchanged when an index function throws', () => {
    let broken = false;
    const store = makeStore<Pod>({
      indexes: {
        ...byNode,
        fragile: () => {
          if (broken) throw new Error('broken');
          return [];
        },
      },
    });
    const first = pod('a', 'n1');
    store.set(first);
    broken = true;
    expect(() => store.set(pod('a', 'n2'))).toThrow('broken');
    expect(store.get('ns/a')).toBe(first);
    expect(store.byIndex('node', 'n1')).toEqual([first]);
  });

  test('refuses an index that it does not have', () => {
    expect(() => makeStore<Pod>().byIndex('node', 'n1')).toThrow('no index "node"');
  });

  test('freezes what it holds when asked to, down to the leaves', () => {
    const store = makeStore<Pod>({ freeze: true });
    const object = { metadata: { namespace: 'ns', name: 'a', labels: { x: '1' } } };
    store.set(object);
    expect(() => (object.metadata.labels.x = '2')).toThrow(TypeError);
  });
});
