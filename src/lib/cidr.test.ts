import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matcher, parseCidr } from './cidr.ts';

test.each([
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.1.2.3/8', '10.9.9.9', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '10.0.0.1', false],
  ['::/0', '::ffff:10.0.0.1', false],
  ['::/0', 'fe80::1', true],
  ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ['10.0.0.0/8', '::ffff:0a01:0101', true],
  ['10.0.0.0/8', '::10.1.1.1', false],
  ['::ffff:10.0.0.0/104', '10.2.3.4', true],
  ['::ffff:10.0.0.0/104', '11.2.3.4', false],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['2001:DB8::/33', '2001:db8:8000::', false],
  ['::1/128', '0:0:0:0:0:0:0:1', true],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['10.0.0.0/8', '10.0.0.1%eth0', false],
  ['10.0.0.0/8', '010.0.0.1', false],
  ['10.0.0.0/8', '10.1', false],
  ['10.0.0.0/8', 'example.com', false],
  ['10.0.0.0/8', '', false],
])('%s takes %s: %s', (block, address, expected) => {
  expect(matcher([block])(address)).toBe(expected);
});

test.each([
  '',
  '/',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/+8',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0/8',
  '10.0.0.256/8',
  '01.0.0.0/8',
  '10.0.0.0 /8',
  '::/129',
  '::1::/64',
  ':::/64',
  '1:2:3:4:5:6:7:8:9/64',
  '1:2:3:4::5:6:7:8/64',
  '1:2:3:4:5:6:7::8/64x',
  '12345::/16',
  'g::/16',
  'fe80::1%eth0/64',
  '1:2:3:4:5:6:7:/64',
  ':1::/16',
  '::1.2.3/128',
  '1:2:3:4:5:6:7:1.2.3.4/128',
  'localhost',
])('the block %j is refused', (block) => {
  expect(() => parseCidr(block)).toThrow(JSON.stringify(block));
});

test('no block takes no address', () => {
  expect(matcher([])('10.0.0.1')).toBe(false);
});

// Few distinct bits, so that blocks nest and addresses hit them.
const byte = fc.constantFrom(0, 1, 10, 127, 128, 255);
const v4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'));
const v6 = fc
  .tuple(
    fc.array(fc.constantFrom('0', '1', 'ffff', '2001', '8000', 'db8'), { minLength: 8, maxLength: 8 }),
    fc.nat(8),
    fc.nat(8),
  )
  .map(([groups, from, length]) => {
    // A run of zeros, written as ::
    if (length < 2 || from + length > 8) return groups.join(':');
    return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
  });
const block = fc.oneof(fc.tuple(v4, fc.nat(32)), fc.tuple(v6, fc.nat(128)));

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

test('agrees with the BlockList of Node, which does not keep IPv6 blocks from IPv4 addresses', () => {
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 8 }),
      fc.array(fc.oneof(v4, v6), { minLength: 1 }),
      (blocks, addresses) => {
        fc.pre(
          ![...blocks.map(([one]) => one), ...addresses].some(
            (one) => isIP(one) === 6 && mapped.check(one, 'ipv6'),
          ),
        );
        const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
        for (const [one, bits] of blocks) lists[familyOf(one)].addSubnet(one, bits, familyOf(one));
        const inBlocks = matcher(blocks.map(([one, bits]) => `${one}/${bits}`));
        for (const one of addresses)
          expect(inBlocks(one)).toBe(lists[familyOf(one)].check(one, familyOf(one)));
      },
    ),
    { numRuns: 1000 },
  );
});

test('takes an address for one exactly when Node does', () => {
  const piece = fc.constantFrom(
    '0',
    '1',
    '255',
    '256',
    'ffff',
    '.',
    ':',
    '::',
    '1.2.3.4',
    '%',
    'g',
    '00',
    ' ',
  );
  const everything = matcher(['0.0.0.0/0', '::/0']);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 17 }), (pieces) => {
      const text = pieces.join('');
      if (!text.includes('%')) expect(everything(text)).toBe(isIP(text) !== 0);
    }),
    { numRuns: 5000 },
  );
});
