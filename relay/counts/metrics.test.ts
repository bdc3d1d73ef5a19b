import { describe, expect, it } from 'vitest';
import { DROP_REASONS } from './counters.ts';
import { Fixture, play } from '../testing/fixture.ts';

describe('relay metrics', () => {
  it('tell what passed, what was dropped and what is held', async () => {
    const fixture = await Fixture.start();
    const { host, client, slot } = await play(fixture, 1);
    host.video.send(Buffer.alloc(1000), slot.video);
    await client.video.expect(1);
    const stranger = await fixture.peer();
    stranger.send(Buffer.from('PING'), fixture.ports.audio);
    await fixture.expectDropped('legacyPing');

    const text = await fixture.register.metrics();
    for (const line of [
      'gleipnir_relay_datagrams_total{stream="video",direction="to_client"} 1',
      'gleipnir_relay_sent_bytes_total{stream="video",direction="to_client"} 1000',
      'gleipnir_relay_dropped_total{reason="legacyPing"} 1',
      'gleipnir_relay_roams_total{stream="control"} 0',
      'gleipnir_relay_flows{status="live"} 1',
      'gleipnir_relay_flows{status="closed"} 0',
      'gleipnir_relay_slots 1',
      'gleipnir_relay_datapath_routes{engine="userspace"} 3',
    ]) {
      expect(text).toContain(line);
    }
    for (const reason of DROP_REASONS) expect(text).toContain(`{reason="${reason}"}`);
    expect(await fixture.register.metrics()).toBe(text);
    await fixture.close();
  });
});
