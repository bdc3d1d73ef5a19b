/** The demo host of `npm start`: a simulated Moonlight host in this process, reachable from this process only. */
import type { IdentityStore } from '../core/host/identities.ts';
import type { Logger } from '../core/runtime/log.ts';
import { createSimHost, type SimHost } from '../sim/host/host.ts';
import { SS_ENC } from '../core/protocol/sdp.ts';
import type { HostSpec } from '../operator/hosts/types.ts';

const NAME = 'demo';
const ADDRESS = '127.0.0.1';
const CAPACITY = 8;

export interface DemoHost {
  spec: HostSpec;
  host: SimHost;
}

/** Starts the demo host. Its certificate is kept in `identities`, because our own side pins it. */
export async function startDemoHost(identities: IdentityStore, log: Logger): Promise<DemoHost> {
  const { identity } = await identities.open(NAME, 'server');
  const host = createSimHost({
    name: 'Gleipnir demo',
    bindAddress: ADDRESS,
    identity,
    sessionsMax: CAPACITY,
    encryption: { rtsp: true, supported: SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO },
    log: log.child({ component: 'demo-host' }),
  });
  const { http } = await host.start();
  const enterPin = (pin: string): boolean => host.enterPin(pin);
  return { host, spec: { name: NAME, address: ADDRESS, httpPort: http, capacity: CAPACITY, enterPin } };
}
