/** What users do all day, on the whole cluster: type, schedule, and keep what they want in Git. */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { gitOpsTests } from './gitops.ts';
import { goFast } from './installed.ts';
import { pluginTests } from './plugin.ts';
import { scheduleTests, startSchedules, stopSchedules } from './schedules.ts';

export const userTests = (): void => {
  describe('users on a whole cluster', { timeout: 240_000 }, () => {
    // First: while minutes go by, the others are at work.
    beforeAll(startSchedules);
    afterEach(goFast);
    afterAll(stopSchedules);
    pluginTests();
    gitOpsTests();
    scheduleTests();
  });
};
