import { describe, expect, it } from 'vitest';
import { isLocalAddress, planBitrateKbps, planPacketSize, planRtspTarget } from './stream-plan.ts';

describe('isLocalAddress', () => {
  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '172.31.9.9',
    '192.168.1.1',
    '169.254.1.1',
    'fe80::1',
    'fec0::1',
    'fd00::1',
  ])('takes %s as local', (address) => {
    expect(isLocalAddress(address)).toBe(true);
  });
  it.each(['127.0.0.1', '172.32.0.1', '11.0.0.1', '::1', '2001:db8::1'])('takes %s as remote', (address) => {
    expect(isLocalAddress(address)).toBe(false);
  });
});

describe('planPacketSize', () => {
  it.each([
    { address: '10.0.0.1', encrypted: false, size: 1392 },
    { address: '10.0.0.1', encrypted: true, size: 1360 },
    { address: '127.0.0.1', encrypted: false, size: 1024 },
    { address: '2001:db8::1', encrypted: false, size: 1184 },
  ])('is $size for $address, encrypted: $encrypted', ({ address, encrypted, size }) => {
    expect(planPacketSize(address, encrypted)).toBe(size);
  });
});

describe('planBitrateKbps', () => {
  it.each([
    { address: '10.0.0.1', configured: 10_000, kbps: 8000 },
    { address: '127.0.0.1', configured: 10_000, kbps: 7500 },
    { address: '10.0.0.1', configured: 500_000, kbps: 100_000 },
  ])('is $kbps of $configured for $address', ({ address, configured, kbps }) => {
    expect(planBitrateKbps(address, configured)).toBe(kbps);
  });
});

describe('planRtspTarget', () => {
  const answer = { address: '127.0.0.1', rtspPort: 48010, label: '98.22.106.113', encrypted: false };
  it('names nobody below 15 Mbit/s', () => {
    expect(planRtspTarget(answer, 14_999)).toEqual({ url: 'rtsp://0.0.0.0:48010', host: '0.0.0.0' });
  });
  it("names the host's label from there on", () => {
    const url = 'rtsp://98.22.106.113:48010';
    expect(planRtspTarget(answer, 15_000)).toEqual({ url, host: '98.22.106.113' });
  });
});
