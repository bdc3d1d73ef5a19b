import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Session, SessionStatus } from '../core/crd/types.ts';
import type { HostFacts } from './hosts/types.ts';
import { registerOperatorMetrics } from './metrics.ts';

const session = (status?: SessionStatus): Session => ({ status }) as Session;
const host = (state: HostFacts['state'], capacity: number, used: number): HostFacts => ({
  name: 'attic',
  address: '192.0.2.1',
  state,
  capacity,
  used,
  apps: [],
  problem: null,
  notices: [],
  labels: {},
});

async function scrape(sessions: Session[], hosts: HostFacts[]): Promise<string> {
  const register = new Registry();
  registerOperatorMetrics({
    register,
    sessions: { list: () => Promise.resolve(sessions) },
    hosts: { facts: () => hosts },
  });
  await register.metrics();
  return register.metrics();
}

describe('registerOperatorMetrics', () => {
  it('counts sessions by phase, new ones as pending, however often it is asked', async () => {
    const streaming = { phase: 'Streaming', launchGeneration: 1 } as const;
    const text = await scrape([session(), session(streaming), session({ ...streaming, isFrozen: true })], []);
    expect(text).toContain('gleipnir_operator_sessions{phase="Pending"} 1\n');
    expect(text).toContain('gleipnir_operator_sessions{phase="Streaming"} 2\n');
    expect(text).toContain('gleipnir_operator_sessions{phase="Ended"} 0\n');
    expect(text).toContain('gleipnir_operator_frozen_sessions 1\n');
  });

  it('counts hosts by state, and the places of those that are up', async () => {
    const text = await scrape([], [host('up', 4, 1), host('up', 1, 1), host('down', 8, 2)]);
    expect(text).toContain('gleipnir_operator_hosts{state="up"} 2\n');
    expect(text).toContain('gleipnir_operator_hosts{state="down"} 1\n');
    expect(text).toContain('gleipnir_operator_hosts{state="unpaired"} 0\n');
    expect(text).toContain('gleipnir_operator_host_places{use="used"} 2\n');
    expect(text).toContain('gleipnir_operator_host_places{use="free"} 3\n');
  });
});
