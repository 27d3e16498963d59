import { describe, expect, it } from 'vitest';
import { agentReady, agentStopped, nodeStatus, nodeTaints, statusDiffers } from '../../../src/agent/node-object.ts';
import { readMachine } from '../../../src/agent/machine.ts';
import { parseAgentOptions } from '../../../src/agent/options.ts';

const machine = readMachine();
const nowMs = Date.parse('2030-01-01T00:00:00Z');
const status = (readiness = agentReady, atMs = nowMs, before?: ReturnType<typeof nodeStatus>) =>
  nodeStatus('server-0', machine, readiness, before, atMs, '1.0.0');

describe('the status of a node', () => {
  it('is sent again only when more than the heartbeat differs', () => {
    const first = status();
    expect(statusDiffers(first, status(agentReady, nowMs + 60_000, first))).toBe(false);
    expect(statusDiffers(first, status(agentStopped, nowMs, first))).toBe(true);
    expect(statusDiffers(undefined, first)).toBe(true);
  });

  it('is the same to us after the API server has dropped empty fields and sorted the others', () => {
    const sent = status();
    const { kubeProxyVersion, ...info } = sent.nodeInfo ?? {};
    const back = { ...sent, nodeInfo: Object.fromEntries(Object.entries(info).reverse()) };
    expect(kubeProxyVersion).toBe('');
    expect(statusDiffers(back, sent)).toBe(false);
  });

  it('keeps the time of a condition that has not changed and the conditions of others', () => {
    const others = { type: 'NetworkUnavailable', status: 'False' } as const;
    const first = status();
    const before = { ...first, conditions: [...(first.conditions ?? []), others] };
    const later = status(agentReady, nowMs + 60_000, before);
    expect(later.conditions).toContainEqual(others);
    expect(later.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      lastTransitionTime: '2030-01-01T00:00:00Z',
      lastHeartbeatTime: '2030-01-01T00:01:00Z',
    });
  });
});

describe('the taints of a node', () => {
  it('are ours beside those that controllers have set', () => {
    const others = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' };
    const all = nodeTaints([others]);
    expect(all).toEqual([others, { key: 'twinreel.io/media-server', effect: 'NoSchedule' }]);
    expect(nodeTaints(all)).toBe(all);
  });
});

describe('the command line of the agent', () => {
  const need = ['--node-name', 'server-0', '--state', '/s'];
  const parse = (...argv: readonly string[]) => parseAgentOptions(argv, '1.0.0', true);

  it('has defaults: the worker of this package, no command of pods, pods end with the agent', () => {
    const options = parse(...need);
    expect(options).toMatchObject({
      namespace: 'twinreel-system',
      allowCommand: false,
      onStop: 'kill',
      killGraceSeconds: 30,
    });
    expect(options.entrypoint).toEqual([process.execPath, expect.stringMatching(/\/src\/worker\/main\.ts$/)]);
  });

  it('takes an entrypoint as words or as a JSON list', () => {
    expect(parse(...need, '--entrypoint', '/bin/worker', 'run').entrypoint).toEqual(['/bin/worker', 'run']);
    expect(parse(...need, '--entrypoint', '["/bin/sh","-c","x"]').entrypoint).toEqual(['/bin/sh', '-c', 'x']);
  });

  it('reads what is not given from the environment', () => {
    process.env['TWINREEL_AGENT_NODE_NAME'] = 'from-environment';
    try {
      expect(parse('--state', '/s').nodeName).toBe('from-environment');
    } finally {
      delete process.env['TWINREEL_AGENT_NODE_NAME'];
    }
  });

  it.each([
    { name: 'no node name', argv: ['--state', '/s'], says: '--node-name' },
    { name: 'a node name that is no DNS name', argv: ['--node-name', 'Server_0', '--state', '/s'], says: 'DNS name' },
    { name: 'a grace that is no number', argv: [...need, '--kill-grace', 'long'], says: 'whole number' },
    { name: 'an unknown way to stop', argv: [...need, '--on-stop', 'wait'], says: 'kill, leave' },
    { name: 'an entrypoint that is no list', argv: [...need, '--entrypoint', '[1]'], says: 'JSON list' },
    { name: 'an unknown flag', argv: [...need, '--nope'], says: 'unknown option' },
  ])('refuses $name', ({ argv, says }) => {
    expect(() => parse(...argv)).toThrow(says);
  });
});
