import { describe, expect, it } from 'vitest';
import { formatAllocate, formatChannelBind, parseTurnAnswer } from './turn.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const TRANSACTION = '00000000 00000000 00000007';

describe('formatAllocate', () => {
  it('asks for UDP for an hour', () => {
    const attributes = '0019 0004 11000000 000d 0004 00000e10';
    expect(formatAllocate(7)).toEqual(bytes(`0003 0010 2112a442 ${TRANSACTION} ${attributes}`));
  });
});

describe('formatChannelBind', () => {
  it('names the channel and the peer, whose address is masked with the cookie', () => {
    // 192.0.2.1 port 32853, as in the example of RFC 5769 section 2.2.
    const attributes = '000c 0004 40000000 0012 0008 0001 a147 e112a643';
    expect(formatChannelBind(7, { address: '192.0.2.1', port: 32_853 })).toEqual(
      bytes(`0009 0014 2112a442 ${TRANSACTION} ${attributes}`),
    );
  });
});

describe('parseTurnAnswer', () => {
  it('finds the relayed port behind other attributes', () => {
    const attributes = '8022 0005 6162636465000000 0016 0008 0001 a147 e112a643';
    expect(parseTurnAnswer(bytes(`0103 0018 2112a442 ${TRANSACTION} ${attributes}`))).toEqual({
      transaction: 7,
      relayedPort: 32_853,
    });
  });

  it.each([
    '',
    `0113 0008 2112a442 ${TRANSACTION} 0009 0004 00000425`,
    '0103 0000 00000000',
    `0103 0000 00000000 ${TRANSACTION}`,
    `0003 0000 2112a442 ${TRANSACTION}`,
  ])('takes no %j for an answer', (hex) => {
    expect(parseTurnAnswer(bytes(hex))).toBeUndefined();
  });
});
