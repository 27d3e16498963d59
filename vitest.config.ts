import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      // The limit ends what hangs; how fast a test is depends on what else the machine does.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      {
        // One real control plane for the whole project run; each file works in namespaces of its own.
        test: {
          name: 'api',
          include: ['test/api/**/*.test.ts'],
          globalSetup: ['test/api/control-plane.setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        // Threads of its own: one file is enough.
        test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 600_000 },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
      {
        // One whole Kubernetes at a time: it needs root, and seconds are what its faults are told by.
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
