import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GoToolError, goTool, goToolFile } from '../../../dev/tools/go-tools.ts';

let cache: string;
let env: Readonly<Record<string, string | undefined>>;

beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'twinreel-tools-'));
  env = { PATH: process.env['PATH'], HOME: cache, XDG_CACHE_HOME: cache, GOPROXY: 'off', GOTOOLCHAIN: 'local' };
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

it('says which module could not be had, and leaves nothing half built', async () => {
  const lines: string[] = [];
  const building = goTool('helm', { env, log: (line) => lines.push(line) });
  await expect(building).rejects.toThrow(GoToolError);
  await expect(building).rejects.toThrow(
    /^go install helm\.sh\/helm\/v3\/cmd\/helm@v3\.\d+\.\d+ failed: .*GOPROXY=off/s,
  );
  expect(lines).toEqual([expect.stringMatching(/^building helm v3\..* takes minutes, once$/)]);
  expect(readdirSync(path.join(cache, 'twinreel/tools'))).toEqual([]);
});

it('builds nothing that is there', async () => {
  const file = goToolFile('promtool', env);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '');
  expect(await goTool('promtool', { env, log: (line) => expect.unreachable(line) })).toBe(file);
});
